// Text told from bytes, what a whole file must be, and UTF-8 to the byte.
#include "data/plain_text.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace latent {
namespace {

using namespace std::string_literals;

TEST(IsText, IsToldFromBytes) {
  EXPECT_TRUE(is_text(bytes_of("a,b\r\n\t1\xc3\xa9\f")));
  EXPECT_TRUE(is_text(bytes_of("caf\xe9"))) << "the encoding is another question";
  EXPECT_TRUE(is_text(bytes_of(""))) << "no byte is against it";
  EXPECT_TRUE(is_text(bytes_of(std::string(100000, 'x')))) << "a line of any length";
  EXPECT_FALSE(is_text(bytes_of("a\0b"s)));
  EXPECT_FALSE(is_text(bytes_of("\x89PNG\r\n\x1a\n"s)));
  EXPECT_FALSE(is_text(bytes_of("RIFF\x10\0\0\0WAVE"s)));
  EXPECT_FALSE(
      is_text(bytes_of("\xff\xfe"
                       "a\0"s)))
      << "UTF-16";
}

TEST(IsText, LooksAtTheStartAlone) {
  std::string file(5000, 'x');
  file[4095] = '\1';
  EXPECT_FALSE(is_text(bytes_of(file)));
  std::swap(file[4095], file[4096]);
  EXPECT_TRUE(is_text(bytes_of(file)));
}

/// The offset that reading the file names; -2 when it is read.
int64_t refused_at(const std::string& file) {
  try {
    checked_text(file, "book.txt");
    return -2;
  } catch (const DataError& e) {
    EXPECT_EQ(e.path(), "book.txt");
    return e.offset();
  }
}

TEST(CheckedText, NamesTheBadByte) {
  EXPECT_EQ(refused_at(""), 0);
  EXPECT_EQ(refused_at("one\ntwo\nth\xffree"), 10);
  EXPECT_EQ(refused_at(std::string("one\0two", 7)), 3);
  EXPECT_EQ(refused_at("\xff\xfeo\1"), 0);
  EXPECT_EQ(refused_at("na\xc3\xafve\n"), -2);
}

TEST(CheckedText, LinesEndInOneWay) {
  EXPECT_EQ(checked_text("\xef\xbb\xbfone\r\ntwo\r\n", "f"), "one\ntwo\n");
  EXPECT_EQ(checked_text("a\rb\r\nc\r", "f"), "a\rb\nc");
}

TEST(Utf8, FirstBadByteIsFound) {
  EXPECT_EQ(invalid_utf8(""), std::string_view::npos);
  EXPECT_EQ(invalid_utf8("plain text of more than eight bytes"), std::string_view::npos);
  EXPECT_EQ(invalid_utf8("na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80"), std::string_view::npos);
  struct Case {
    std::string text;
    size_t at;
  };
  const Case cases[] = {
      {"caf\xe9 au lait", 3},       // Latin-1
      {"12345678\x80", 8},          // a byte that continues nothing
      {"ab\xc0\xaf", 2},            // overlong
      {"\xe0\x80\xaf", 0},          // overlong, of three
      {"\xf0\x80\x80\x80", 0},      // overlong, of four
      {"x\xed\xa0\x80", 1},         // a surrogate
      {"\xf4\x90\x80\x80", 0},      // above U+10FFFF
      {"\xf5\x80\x80\x80", 0},      // no first byte
      {"\xe2\x82\xac\xe2\x82", 3},  // cut short
      {"0123456\xe2\x82", 7},
  };
  for (const Case& c : cases) EXPECT_EQ(invalid_utf8(c.text), c.at) << c.text;
  EXPECT_EQ(repaired_utf8("caf\xe9!"), "caf\xef\xbf\xbd!");
  EXPECT_EQ(repaired_utf8("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(Utf8, CharactersAreCounted) {
  EXPECT_EQ(utf8_count(""), 0u);
  EXPECT_EQ(utf8_count("na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80"), 9u);
  EXPECT_EQ(utf8_character("\xe2\x82\xac!"), 3u);
  EXPECT_EQ(utf8_character("\xe2\x82"), 0u);
  EXPECT_EQ(mark_bytes("\xef\xbb\xbfone"), 3u);
  EXPECT_EQ(mark_bytes("\xef\xbb"), 0u);
}

}  // namespace
}  // namespace latent
