// Reading text: prose and tables, lines and windows, what is cut, left out and counted.
#include "data/text.h"

#include <gtest/gtest.h>

#include <functional>

#include "data/plain_text.h"
#include "latent/error.h"

namespace latent {
namespace {

TEST(IsProse, TellsTextFromTables) {
  EXPECT_TRUE(is_prose("It was the best of times,\nit was the worst of times.\n"));
  EXPECT_TRUE(is_prose("CHAPTER 1\n\nIn 1801, I have just returned\nfrom a visit\n"));
  EXPECT_TRUE(is_prose("na\xc3\xafve"));
  EXPECT_FALSE(is_prose("a,b\n1,2\n3,4\n"));
  EXPECT_FALSE(is_prose("1\n2\n3\n"));
  EXPECT_FALSE(is_prose("x;y;class\n1;2;red\n3;oops;blue\n5;6;red\n"));
  EXPECT_FALSE(is_prose(std::string("a\0b", 3)));
  EXPECT_FALSE(is_prose(""));
}

std::vector<int32_t> row(const TextRows& r, int64_t i) {
  const int64_t w = r.tokens.shape()[1];
  std::vector<int32_t> v;
  for (int64_t k = 0; k < w; ++k) {
    v.push_back(r.tokens.dtype() == DType::u8
                    ? r.tokens.span<uint8_t>()[static_cast<size_t>(i * w + k)]
                    : r.tokens.span<int32_t>()[static_cast<size_t>(i * w + k)]);
  }
  return v;
}

TEST(TextRows, OneDocumentALine) {
  const std::string text = "ab\n\nabcd\nabc\n";
  const FittedText f = fit_text(text, {.unit = TextUnit::chars, .window = 4}, "f");
  const TextRows r = text_rows(text, f, "f");
  EXPECT_EQ(r.tokens.shape(), (Shape{3, 4}));
  EXPECT_EQ(r.tokens.dtype(), DType::u8);
  EXPECT_EQ(row(r, 0), (std::vector<int32_t>{3, 4, kSentenceEnd, kPadding}));
  EXPECT_EQ(row(r, 1), (std::vector<int32_t>{3, 4, 5, 6}));  // no room for the end
  EXPECT_EQ(row(r, 2), (std::vector<int32_t>{3, 4, 5, kSentenceEnd}));
  EXPECT_EQ(r.counts.documents, 3);
  EXPECT_EQ(r.counts.empty_lines, 1);
  EXPECT_EQ(r.counts.cut, 1);
  EXPECT_EQ(r.counts.tokens, 3 + 4 + 4);
  EXPECT_EQ(r.counts.unknown, 0);
  EXPECT_EQ(
      words_of(r.counts, f.settings),
      "3 lines, 11 chars with ends; 1 empty lines left out; 1 longer than the window of 4 cut "
      "there");
}

TEST(TextRows, WindowFitsTheLines) {
  std::string text;
  for (int i = 0; i < 199; ++i) text += "12345\n";
  EXPECT_EQ(fit_text(text + std::string(50, 'x') + "\n", {}, "f").settings.window, 6);
  EXPECT_EQ(fit_text(std::string(500, 'x'), {}, "f").settings.window, kLongestLine);
  EXPECT_EQ(fit_text("a\nbc", {}, "f").settings.window, 3);
}

TEST(TextRows, RunningTextInWindows) {
  const std::string text = "one two\n\nthree";
  const FittedText f = fit_text(text, {.unit = TextUnit::chars, .lines = false, .window = 8}, "f");
  const TextRows r = text_rows(text, f, "f");
  EXPECT_EQ(r.tokens.shape(), (Shape{2, 8}));
  EXPECT_EQ(f.tokenizer.decode(row(r, 0)), "one two\n");
  EXPECT_EQ(f.tokenizer.decode(row(r, 1)), "\nthree");
  EXPECT_EQ(row(r, 1)[6], kSentenceEnd);
  EXPECT_EQ(row(r, 1)[7], kPadding);
  EXPECT_EQ(r.counts.tokens, std::ssize(text) + 1);
}

TEST(TextRows, PiecesOfRunningTextLoseNothing) {
  std::string text;  // beyond several pieces, with lines longer than one, and no spaces in some
  for (int i = 0; i < 3000; ++i)
    text += i % 700 == 9 ? std::string(5000, 'e') + "\xc3\xa9" : "\xc3\xa9t\xc3\xa9 ";
  for (const TextUnit unit : {TextUnit::bytes, TextUnit::chars, TextUnit::sentencepiece}) {
    const FittedText f = fit_text(text, {.unit = unit, .lines = false}, "f");
    const TextRows r = text_rows(text, f, "f");
    std::vector<int32_t> all;
    for (int64_t i = 0; i < r.tokens.shape()[0]; ++i) {
      const auto v = row(r, i);
      all.insert(all.end(), v.begin(), v.end());
    }
    EXPECT_EQ(f.tokenizer.decode(all), text) << name_of(unit);
  }
}

TEST(TextRows, ManyTokensAreWide) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "word" + std::to_string(i) + "\n";
  const FittedText f = fit_text(text, {.unit = TextUnit::words}, "f");
  const TextRows r = text_rows(text, f, "f");
  EXPECT_EQ(r.tokens.dtype(), DType::i32);
  EXPECT_EQ(f.tokenizer.decode(row(r, 299)), "word299");
}

TEST(TextRows, UnknownUnitsAreCounted) {
  const FittedText f = fit_text("abc\n", {.unit = TextUnit::chars, .window = 4}, "f");
  const TextRows r = text_rows("abz\n\xc3\xa9", f, "f");
  EXPECT_EQ(r.counts.unknown, 2);
  TextCounts counts;
  EXPECT_EQ(text_row("az", f, counts), (std::vector<int32_t>{3, kUnknown, kSentenceEnd, kPadding}));
  EXPECT_EQ(counts.unknown, 1);
  EXPECT_NE(words_of(counts, f.settings).find("1 unknown to the vocabulary"), std::string::npos);
}

TEST(TextRows, NothingToRead) {
  EXPECT_THROW(fit_text("\n\n", {}, "f"), DataError);
  const FittedText f = fit_text("abc", {}, "f");
  EXPECT_THROW(text_rows("\n\n", f, "f"), DataError);
  EXPECT_THROW(fit_text("abc", {.window = 1}, "f"), UsageError);
  EXPECT_THROW(fit_text("abc", {.window = kMostWindow + 1}, "f"), UsageError);
}

TEST(TextRows, ALineOfOneGigabyte) {
  std::string text(size_t{1} << 30, 'a');
  text += "\nb\n";
  text = checked_text(std::move(text), "f");
  const FittedText f = fit_text(text, {}, "f");
  EXPECT_EQ(f.settings.window, kLongestLine);
  const TextRows r = text_rows(text, f, "f");
  EXPECT_EQ(r.tokens.shape(), (Shape{2, kLongestLine}));
  EXPECT_EQ(r.counts.cut, 1);
}

}  // namespace
}  // namespace latent
