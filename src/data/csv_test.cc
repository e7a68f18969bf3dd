// CSV: what spreadsheets and programs write is read; what is wrong is named with line and column;
// what is written is read back.
#include "data/csv.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "base/file.h"

namespace latent {
namespace {

using namespace std::string_literals;

CsvTable parse(const std::string& text, const CsvOptions& options = {}) {
  return parse_csv(bytes_of(text), "a.csv", options);
}

// The message of the DataError that the text gives, "" without one.
std::string complaint(const std::string& text, const CsvOptions& options = {}) {
  try {
    parse(text, options);
  } catch (const DataError& e) {
    return e.what();
  }
  return "";
}

void expect_said(const std::string& text, const std::vector<std::string>& parts) {
  const std::string message = complaint(text);
  for (const std::string& part : parts)
    EXPECT_NE(message.find(part), std::string::npos) << "\"" << part << "\" in: " << message;
}

TEST(Csv, RowsColumnsAndNames) {
  const CsvTable t = parse("a,b,c\n1,2.5,-3e2\n4,+5, 6 \n");
  EXPECT_TRUE(t.has_header);
  EXPECT_EQ(t.columns, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(t.values.shape(), (Shape{2, 3}));
  EXPECT_EQ(t.values.dtype(), DType::f32);
  EXPECT_EQ(t.values.span<float>()[2], -300);
  EXPECT_EQ(t.values.span<float>()[5], 6);
  EXPECT_EQ(t.label.shape().rank(), 0);
}

TEST(Csv, TheSameTableInManySpellings) {
  for (const std::string& text :
       {"a,b\n1,2\n3,4"s, "a,b\r\n1,2\r\n3,4\r\n"s, "a;b\n1;2\n3;4\n"s, "a\tb\n1\t2\n3\t4\n"s,
        "\xef\xbb\xbf"
        "a,b\n1,2\n3,4\n"s,
        "\"a\",\"b\"\n\"1\",2\n3,\"4\"\n\n\r\n"s, " a , b \n1 , 2\n 3,4"s}) {
    const CsvTable t = parse(text);
    EXPECT_EQ(t.columns, (std::vector<std::string>{"a", "b"})) << text;
    ASSERT_EQ(t.values.shape(), (Shape{2, 2})) << text;
    for (size_t i = 0; i < 4; ++i)
      EXPECT_EQ(t.values.span<float>()[i], static_cast<float>(i + 1)) << text;
  }
}

TEST(Csv, AHeaderIsFoundOrSaid) {
  EXPECT_FALSE(parse("1,2\n3,4\n").has_header);
  EXPECT_EQ(parse("1,2\n3,4\n").columns, (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(parse("1,2\n3,4\n", {.header = true}).values.shape(), (Shape{1, 2}));
  EXPECT_EQ(parse("2019,2020\n3,4\n", {.header = true}).columns[1], "2020");
  EXPECT_EQ(parse(",b\n3,4\n").columns, (std::vector<std::string>{"1", "b"})) << "a nameless index";
  EXPECT_NE(complaint("a,b\n1,2\n", {.header = false}), "");
}

TEST(Csv, QuotesAfterRfc4180) {
  const CsvTable t = parse("\"a, \"\"b\"\"\nc\",d\n1,\"2\"\n");
  EXPECT_EQ(t.columns[0], "a, \"b\"\nc");
  EXPECT_EQ(t.values.span<float>()[1], 2);
  expect_said("a,b\n1,\"2\n3,4\n", {"line 2", "does not end"});
  expect_said("a,b\n1,\"2\"3\n", {"line 2", "closing quote"});
  // Lines count those within quotes.
  expect_said("\"a\nb\",c\n1,x\n", {"line 3", "\"x\"", "column \"c\""});
}

TEST(Csv, WhatIsWrongIsNamedWithItsPlace) {
  expect_said("a,b\n1,2\n3\n", {"line 3", "1 cell,", "has 2"});
  expect_said("a,b\n1,2\n3,4,5\n", {"line 3", "3 cells"});
  expect_said("a,b\n1,2\n\n3,4\n", {"line 3", "1 cell,"});
  expect_said("a,b\n1,red\n", {"line 2", "\"red\"", "column \"b\"", "label"});
  expect_said("5.1,3.5,setosa\n4.9,3.0,setosa\n", {"line 1", "setosa", "column \"3\""});
  expect_said("a,b\n1,\n", {"line 2", "empty cell", "column \"b\""});
  expect_said("a\n1\n\n2\n", {"line 3", "empty cell"});
  for (const char* missing : {"NaN", "nan", "NA", "n/a", "null", "None", "?", "-nan"})
    expect_said("a,b\n1,"s + missing + "\n", {"line 2", "missing value", missing, "column \"b\""});
  expect_said("a,b\n1,inf\n", {"line 2", "not finite"});
  expect_said("a,b\n1,-Infinity\n", {"not finite"});
  expect_said("a,b\n1,1e999\n", {"1e999", "64-bit"});
  expect_said("a;b\n1;2,5\n", {"\"2,5\"", "decimals with a point"});
  expect_said("a,b\n1,0x10\n", {"0x10"});
  expect_said("a,b\n1,+-1\n", {"+-1"});
  expect_said("a,b\n", {"no rows"});
  expect_said("", {"no rows"});
  expect_said("\xef\xbb\xbf\n\n", {"no rows"});
  expect_said("just one line of prose", {"no rows"});
}

TEST(Csv, OffsetsPointAtTheCell) {
  try {
    parse("a,b\n1,red\n");
    FAIL();
  } catch (const DataError& e) {
    EXPECT_EQ(e.offset(), 6);
    EXPECT_EQ(e.path(), "a.csv");
  }
}

TEST(Csv, LabelsOfNumbersAndOfTexts) {
  const CsvTable numbers = parse("label,a\n7,1\n-2,3\n", {.label = "label"});
  EXPECT_EQ(numbers.columns, (std::vector<std::string>{"a"}));
  EXPECT_EQ(numbers.values.shape(), (Shape{2, 1}));
  EXPECT_EQ(numbers.label.span<int32_t>()[1], -2);
  EXPECT_TRUE(numbers.classes.empty());
  const CsvTable texts = parse("a,kind\n1,setosa\n2,iris\n3,setosa\n", {.label = "kind"});
  EXPECT_EQ(texts.classes, (std::vector<std::string>{"iris", "setosa"}));
  EXPECT_EQ(texts.label.span<int32_t>()[0], 1);
  EXPECT_EQ(texts.label.span<int32_t>()[1], 0);
  EXPECT_EQ(texts.label.span<int32_t>()[2], 1);
  const CsvTable mixed = parse("a,kind\n1,7\n2,b\n", {.label = "kind"});
  EXPECT_EQ(mixed.classes, (std::vector<std::string>{"7", "b"}));
  EXPECT_EQ(parse("1,7\n2,8\n", {.label = "2"}).label.span<int32_t>()[1], 8) << "by number";
  EXPECT_NE(complaint("a,kind\n1,\n", {.label = "kind"}), "");
  try {
    parse("a,species\n1,x\n", {.label = "specie"});
    FAIL();
  } catch (const UsageError& e) {
    EXPECT_NE(std::string(e.what()).find("did you mean \"species\""), std::string::npos)
        << e.what();
  }
  EXPECT_THROW(parse("a\n1\n", {.label = "a"}), UsageError) << "nothing is left to learn";
}

TEST(Csv, NumbersThatFloat32LacksStayFloat64) {
  EXPECT_EQ(parse("a,b\n1,2\n3,16777217\n").values.dtype(), DType::f64);
  EXPECT_EQ(parse("a,b\n1,2\n3,16777217\n").values.span<double>()[3], 16777217);
  EXPECT_EQ(parse("a\n0.1\n").values.span<double>()[0], 0.1);
  EXPECT_EQ(parse("a\n0.5\n").values.dtype(), DType::f32);
}

// A prefix of a table is a table or an error, never a crash or a wrong number of cells.
TEST(Csv, TruncationsAtEveryByte) {
  const std::string text = "x,\"y, \"\"z\"\"\"\r\n1.25,\"-2e3\"\r\n3.5,4\r\n";
  const CsvTable whole = parse(text);
  for (size_t n = 0; n < text.size(); ++n) {
    try {
      const CsvTable t = parse(text.substr(0, n));
      EXPECT_EQ(std::ssize(t.columns), t.values.shape()[1]) << n;
      EXPECT_LE(t.values.elements(), whole.values.elements()) << n;
      for (size_t i = 0; i + 1 < static_cast<size_t>(t.values.elements()); ++i)
        EXPECT_EQ(t.values.span<float>()[i], whole.values.span<float>()[i]) << n;
    } catch (const DataError&) {
    }
  }
}

TEST(Csv, WhatIsWrittenIsReadBack) {
  const std::string path = testing::TempDir() + "latent-csv-" + std::to_string(::getpid());
  Tensor t({2, 3});
  const float values[] = {0.1f,
                          -1.5e-30f,
                          3,
                          std::numeric_limits<float>::max(),
                          std::numeric_limits<float>::denorm_min(),
                          -0.f};
  std::ranges::copy(values, t.span<float>().begin());
  write_csv(path, {"a", "b,c", "say \"d\""}, t);
  const std::string text = read_file(path);
  EXPECT_TRUE(text.starts_with("a,\"b,c\",\"say \"\"d\"\"\"\n0.1,")) << text;
  const CsvTable back = parse(text);
  EXPECT_EQ(back.columns[2], "say \"d\"");
  for (size_t i = 0; i < 6; ++i)
    EXPECT_EQ(static_cast<float>(back.values.span<double>()[i]), values[i]) << i;
  std::filesystem::remove(path);

  Tensor cube({2, 2, 2}, DType::u8);
  EXPECT_EQ(csv_text({}, cube), "0,0,0,0\n0,0,0,0\n");
  EXPECT_EQ(csv_text({"n"}, Tensor({2}, DType::i32)), "n\n0\n0\n");
  const CsvTable named = parse_csv(bytes_of(csv_text({"z"}, Tensor({3, 1}), {" ", "", "a, b"})),
                                   "a.csv", {.label = "name"});
  EXPECT_EQ(named.classes, (std::vector<std::string>{"", " ", "a, b"}));
  EXPECT_THROW(csv_text({"a"}, cube), UsageError);
  EXPECT_THROW(csv_text({}, Tensor(Shape{})), UsageError);
}

}  // namespace
}  // namespace latent
