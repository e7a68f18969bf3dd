// Dataset::open: every kind of file, labels from beside or within it, and what is said of files
// that are no data.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "base/file.h"
#include "data/dataset.h"
#include "data/npy.h"

namespace latent {
namespace {

using namespace std::string_literals;

class Opening : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "latent-open-" + std::to_string(::getpid());
    make_folder(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string in(const std::string& name) const { return folder_ + "/" + name; }
  std::string file(const std::string& name, const std::string& content) const {
    write_file_atomic(in(name), content);
    return in(name);
  }
  // The message of the error of that type that opening gives; "" when there is none.
  template <class E>
  static std::string complaint(const std::string& spec, const OpenOptions& options = {}) {
    try {
      Dataset::open(spec, options);
    } catch (const E& e) {
      return e.what();
    }
    return "";
  }

  std::string folder_;
};

const std::string kIdx = "\0\0\x08\2\0\0\0\2\0\0\0\3abcdef"s;

TEST_F(Opening, CsvWithALabelColumn) {
  const Dataset d = Dataset::open(file("iris.csv", "a,b,kind\n1,2,x\n3,4,y\n"), {.label = "kind"});
  EXPECT_EQ(d.name(), "iris");
  EXPECT_EQ(d.columns(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(d.classes(), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(d.row_shape("x"), Shape{2});
  EXPECT_EQ(d.field("label").values.span<int32_t>()[1], 1);
}

TEST_F(Opening, TextNamedLikeASoundOrAPicture) {
  const std::string words = "It was the best of times,\nit was the worst of times.\n";
  for (const char* name : {"a.wav", "a.ogg", "a.flac.gz", "a.png"}) {
    const std::string told = complaint<DataError>(file(name, words));
    const char* kind = std::string(name) == "a.png" ? "pictures" : "audio";
    EXPECT_NE(told.find("named like "s + kind + ", but holds text; give the " + kind), told.npos)
        << told;
    EXPECT_NE(told.find("name it .txt"), told.npos) << told;
  }
  EXPECT_EQ(Dataset::open(in("a.wav"), {.content = "text"}).size(), 2);
  EXPECT_EQ(Dataset::open(file("table.wav", "a,b\n1,2\n")).row_shape("x"), Shape{2});
  const std::string as_table = complaint<DataError>(in("a.wav"), {.content = "array"});
  EXPECT_NE(as_table.find("line 2"), std::string::npos) << as_table;
  EXPECT_NE(complaint<DataError>(file("t.csv",
                                      "\xff\xfe"
                                      "1\0,\0"
                                      "2\0"s))
                .find("iconv -f UTF-16"),
            std::string::npos);
}

TEST_F(Opening, CsvWithNamesOfRows) {
  const Dataset d = Dataset::open(file("codes.csv", "name,z1\n\"a,b.png\",1\nc.png,2\nc.png,3\n"));
  EXPECT_EQ(d.names(), (std::vector<std::string>{"a,b.png", "c.png", "c.png"}));
  EXPECT_EQ(d.columns(), std::vector<std::string>{"z1"});
  EXPECT_FALSE(d.labelled());
  EXPECT_EQ(Dataset::open(file("n.csv", "name,z1\n1,2\n")).row_shape("x"), Shape{2}) << "numbers";
}

TEST_F(Opening, LabelsFromFilesOfEveryKind) {
  const std::string x = file("x.idx", kIdx);
  Tensor f({2});
  f.span<float>()[1] = 9;
  write_npy(in("y.npy"), f);
  for (const std::string& labels :
       {file("y.idx", "\0\0\x08\1\0\0\0\2\0\x09"s), in("y.npy"), file("y.csv", "label\n0\n9\n")}) {
    const Dataset d = Dataset::open(x, {.label = labels});
    EXPECT_EQ(d.field("label").values.dtype(), DType::i32) << labels;
    EXPECT_EQ(d.field("label").values.span<int32_t>()[1], 9) << labels;
    EXPECT_EQ(d.row_shape("label"), Shape{}) << labels;
  }
  // Beside the data that a label was given for: a column where there is one, never the file.
  const std::string table = file("t.csv", "a,kind\n1,5\n2,6\n"), labels = file("y.csv", "0\n9\n");
  const Dataset beside = Dataset::open(table, {.label = "kind", .beside = true});
  EXPECT_EQ(beside.field("label").values.span<int32_t>()[1], 6);
  EXPECT_FALSE(Dataset::open(table, {.label = "other", .beside = true}).labelled());
  EXPECT_FALSE(Dataset::open(x, {.label = labels, .beside = true}).labelled());
  EXPECT_FALSE(Dataset::open(x, {.label = "kind", .beside = true}).labelled());
  EXPECT_TRUE(Dataset::open("digits", {.label = labels, .beside = true}).labelled());
  EXPECT_NE(complaint<DataError>(x, {.label = file("3.csv", "1\n2\n3\n")}), "") << "3 for 2 rows";
  EXPECT_NE(complaint<DataError>(x, {.label = file("half.csv", "1\n0.5\n")}), "");
  EXPECT_NE(complaint<DataError>(x, {.label = file("wide.csv", "1,1\n2,2\n")}), "");
  EXPECT_NE(complaint<UsageError>(x, {.label = "kind"}), "") << "an IDX file has no columns";
  EXPECT_NE(complaint<UsageError>("digits", {.label = "kind"}), "");
}

TEST_F(Opening, PackedByGzip) {
  const gzFile z = gzopen(in("t.csv.gz").c_str(), "wb");
  ASSERT_EQ(gzputs(z, "a,b\n1,2\n"), 8);
  ASSERT_EQ(gzclose(z), Z_OK);
  const Dataset d = Dataset::open(in("t.csv.gz"));
  EXPECT_EQ(d.name(), "t");
  EXPECT_EQ(d.size(), 1);
}

TEST_F(Opening, StandardInput) {
  const int before = ::dup(STDIN_FILENO);
  const int fd = ::open(file("in.csv", "a,b\n1,2\n3,4\n").c_str(), O_RDONLY);
  ::dup2(fd, STDIN_FILENO);
  ::close(fd);
  const Dataset d = Dataset::open("-");
  ::dup2(before, STDIN_FILENO);
  ::close(before);
  EXPECT_EQ(d.name(), "stdin");
  EXPECT_EQ(d.size(), 2);
}

TEST_F(Opening, AnArrayIsAskedOfNpzOnly) {
  const std::string message = complaint<UsageError>(file("x.idx", kIdx) + ":images");
  EXPECT_NE(message.find("no NPZ file"), std::string::npos) << message;
  EXPECT_EQ(Dataset::open(file("odd:name.csv", "1,2\n")).size(), 1) << "a colon in a name";
}

TEST_F(Opening, WhatIsNoDataIsNamed) {
  EXPECT_NE(complaint<DataError>(file("e.npy", "")).find("empty"), std::string::npos);
  EXPECT_NE(complaint<SystemError>(in("absent.csv")), "");
  EXPECT_NE(complaint<DataError>(file("a.png", "\x89PNG\r\n\x1a\n"s)).find("PNG"),
            std::string::npos);
  EXPECT_NE(complaint<DataError>(file("a.pkl", "\x80\4\x95")).find("pickle"), std::string::npos);
  EXPECT_NE(complaint<DataError>(file("a.bin", "\1\2\3")), "");
  EXPECT_NE(complaint<DataError>(file("prose.csv", "Call me Ishmael.")), "");
  write_npy(in("none.npy"), Tensor({0, 3}));
  EXPECT_NE(complaint<DataError>(in("none.npy")).find("no rows"), std::string::npos);
  write_npy(in("flat.npy"), Tensor({3, 0}));
  EXPECT_NE(complaint<DataError>(in("flat.npy")), "");
}

TEST_F(Opening, AModelOfAnotherKindIsTold) {
  const std::string prose = file("novel", "Call me Ishmael. Some years ago.\n");
  const std::string picture = file("dot.pgm", "P2 1 1 255 7\n");
  const Content of_text = Dataset::open(prose).content(),
                of_pictures = Dataset::open(picture).content();
  const auto said = [](const std::string& path, const Content& as) -> std::string {
    try {
      Dataset::open(path, {.as = &as});
    } catch (const DataError& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_NE(said(picture, of_text).find("it holds pictures, and the model was trained on text"),
            std::string::npos)
      << said(picture, of_text);
  EXPECT_NE(said(prose, of_pictures).find("it holds text"), std::string::npos);
  EXPECT_NE(said(picture, {}).find("trained on arrays"), std::string::npos);
  Tensor tokens({1, 3});
  tokens.span<float>()[1] = 255;
  write_npy(in("tokens.npy"), tokens);
  EXPECT_EQ(said(in("tokens.npy"), of_text), "");
  for (const float bad : {-5.0F, 3.7F, 1e9F}) {
    tokens.span<float>()[1] = bad;
    write_npy(in("tokens.npy"), tokens);
    EXPECT_NE(said(in("tokens.npy"), of_text).find("is no token"), std::string::npos) << bad;
  }
}

TEST_F(Opening, ValuesThatAreNotFiniteAreNamed) {
  Tensor t({3, 2});
  t.span<float>()[3] = std::numeric_limits<float>::quiet_NaN();
  write_npy(in("nan.npy"), t);
  EXPECT_NE(complaint<DataError>(in("nan.npy")).find("value 2 of row 1 is NaN"), std::string::npos)
      << complaint<DataError>(in("nan.npy"));
}

TEST_F(Opening, EveryTruncationOfIdxAndNpyIsRefused) {
  write_npy(in("a.npy"), Tensor({2, 3}));
  for (const std::string& whole : {kIdx, read_file(in("a.npy"))}) {
    for (size_t n = 0; n < whole.size(); ++n)
      EXPECT_NE(complaint<DataError>(file("cut", whole.substr(0, n))), "") << n;
    EXPECT_EQ(Dataset::open(file("whole", whole)).size(), 2);
  }
}

TEST(FromMemory, CopiesRows) {
  std::vector<float> values = {1, 2, 3, 4, 5, 6, 7, 8};
  const Dataset d = Dataset::from_memory("mine", values, 2, {2, 2});
  values[0] = 9;
  EXPECT_EQ(d.name(), "mine");
  EXPECT_EQ(d.size(), 2);
  EXPECT_EQ(d.row_shape("x"), (Shape{2, 2}));
  EXPECT_EQ(d.field("x").values.span<float>()[0], 1);
  EXPECT_THROW(Dataset::from_memory("mine", values, 3, {2, 2}), UsageError);
  EXPECT_THROW(Dataset::from_memory("mine", values, -1, {2}), UsageError);
  EXPECT_THROW(Dataset::from_memory("mine", values, 1, {1, 1, 1, 1, 1, 8}), UsageError);
}

}  // namespace
}  // namespace latent
