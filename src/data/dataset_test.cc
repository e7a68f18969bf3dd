// Data sets: what can be opened, what is said of the rest, and what a batch holds.
#include "data/dataset.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "base/file.h"
#include "data/npy.h"

namespace latent {
namespace {

using namespace std::string_literals;

// f32 [rows, columns] holding 0, 1, 2, ...
Tensor counting(int64_t rows, int64_t columns) {
  Tensor t({rows, columns});
  for (size_t i = 0; i < t.span<float>().size(); ++i) t.span<float>()[i] = static_cast<float>(i);
  return t;
}

Dataset single(Tensor t) {
  std::vector<Field> fields;
  fields.push_back({"x", std::move(t)});
  return Dataset("test", std::move(fields));
}

class DatasetFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "latent-dataset-" + std::to_string(::getpid());
    make_folder(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string in(const std::string& name) const { return folder_ + "/" + name; }

  std::string folder_;
};

TEST(Datasets, Digits) {
  const Dataset d = Dataset::open("digits");
  EXPECT_EQ(d.name(), "digits");
  EXPECT_EQ(d.size(), 1797);
  EXPECT_EQ(d.row_shape("x"), (Shape{8, 8}));
  EXPECT_EQ(d.row_shape("label"), Shape{});
  const ValueRange r = d.range("x");
  EXPECT_EQ(r.low, 0);
  EXPECT_EQ(r.high, 16);
  EXPECT_TRUE(r.integral);
  EXPECT_EQ(r.not_finite, 0);
}

TEST(Datasets, UnknownNamesGetASuggestion) {
  try {
    Dataset::open("digit");
    FAIL() << "opened \"digit\"";
  } catch (const UsageError& e) {
    EXPECT_NE(std::string(e.what()).find("did you mean \"digits\""), std::string::npos) << e.what();
  }
  EXPECT_THROW(Dataset::open("nothing-like-it"), UsageError);
  EXPECT_THROW(Dataset::open(""), UsageError);
  const Dataset d = Dataset::open("digits");
  EXPECT_THROW(d.field("labels"), UsageError);
}

TEST_F(DatasetFiles, AreRecognisedByContentNotByName) {
  write_npy(in("faces.npy"), counting(5, 3));
  const Dataset npy = Dataset::open(in("faces.npy"));
  EXPECT_EQ(npy.name(), "faces");
  EXPECT_EQ(npy.size(), 5);
  EXPECT_EQ(npy.row_shape("x"), (Shape{3}));
  write_file_atomic(in("odd.npy"), "\0\0\x08\2\0\0\0\2\0\0\0\3abcdef"s);
  EXPECT_EQ(Dataset::open(in("odd.npy")).row_shape("x"), (Shape{3}));
  EXPECT_EQ(Dataset::open(in("odd.npy")).field("x").values.dtype(), DType::u8);
}

TEST_F(DatasetFiles, ErrorsNameThePath) {
  try {
    Dataset::open(in("absent.npy"));
    FAIL() << "opened a missing file";
  } catch (const SystemError& e) {
    EXPECT_EQ(e.path(), in("absent.npy"));
  }
  write_file_atomic(in("text.csv"), "hello");
  EXPECT_THROW(Dataset::open(in("text.csv")), DataError);
  EXPECT_THROW(Dataset::open(folder_), DataError) << "a folder of nothing that can be read";
  write_npy(in("one.npy"), Tensor(Shape{}));
  EXPECT_THROW(Dataset::open(in("one.npy")), DataError);
}

TEST(Datasets, FieldsMustAgree) {
  const auto make = [](Tensor a, Tensor b, const char* second = "y") {
    std::vector<Field> fields;
    fields.push_back({"x", std::move(a)});
    fields.push_back({second, std::move(b)});
    return Dataset("test", std::move(fields));
  };
  EXPECT_EQ(make(Tensor({3, 2}), Tensor({3})).size(), 3);
  EXPECT_THROW(make(Tensor({3, 2}), Tensor({4})), UsageError);
  EXPECT_THROW(make(Tensor({3, 2}), Tensor({3}), "x"), UsageError);
  EXPECT_THROW(single(Tensor(Shape{})), UsageError);
  EXPECT_THROW(single(Tensor()), UsageError);
  EXPECT_THROW(single(Tensor({3}, DType::bf16)), UsageError);
  EXPECT_THROW(Dataset("test", {}), UsageError);
}

TEST(Datasets, FingerprintsFollowTheData) {
  const uint64_t digits = Dataset::open("digits").fingerprint();
  EXPECT_EQ(digits, Dataset::open("digits").fingerprint());
  const uint64_t plain = single(counting(4, 3)).fingerprint();
  EXPECT_NE(plain, digits);
  Tensor changed = counting(4, 3);
  changed.span<float>()[11] += 1;
  EXPECT_NE(single(std::move(changed)).fingerprint(), plain);
  EXPECT_NE(single(counting(3, 4)).fingerprint(), plain) << "same bytes, other shape";
}

TEST(Datasets, RangesCountWhatIsNotFinite) {
  Tensor t = counting(4, 3);
  t.span<float>()[0] = 0.5f;
  t.span<float>()[7] = NAN;
  t.span<float>()[11] = std::numeric_limits<float>::infinity();
  const ValueRange r = single(std::move(t)).range("x");
  EXPECT_EQ(r.low, 0.5);
  EXPECT_EQ(r.high, 10);
  EXPECT_FALSE(r.integral);
  EXPECT_EQ(r.not_finite, 2);
  EXPECT_EQ(r.first_not_finite_row, 2);
  const ValueRange none = single(Tensor({0, 3})).range("x");
  EXPECT_EQ(none.low, 0);
  EXPECT_EQ(none.high, 0);
}

TEST(Datasets, GatherConvertsEveryTypeAndEveryLength) {
  for (const DType type : {DType::u8, DType::i32, DType::f32, DType::f64}) {
    for (int64_t n : {1, 3, 15, 16, 17, 33, 100}) {
      Tensor t({5, n}, type);
      for (size_t i = 0; i < static_cast<size_t>(5 * n); ++i) {
        const size_t v = i * 7 % 251;
        if (type == DType::u8) t.span<uint8_t>()[i] = static_cast<uint8_t>(v);
        if (type == DType::i32) t.span<int32_t>()[i] = static_cast<int32_t>(v);
        if (type == DType::f32) t.span<float>()[i] = static_cast<float>(v);
        if (type == DType::f64) t.span<double>()[i] = static_cast<double>(v);
      }
      const Dataset d = single(std::move(t));
      const int32_t rows[] = {4, 0, 4};
      std::vector<float> got(static_cast<size_t>(3 * n) + 1, -1.f);
      d.gather("x", rows, got.data(), 0.5f, -3.f);
      for (size_t i = 0; i < 3; ++i) {
        for (size_t j = 0; j < static_cast<size_t>(n); ++j) {
          const auto v = static_cast<float>(
              (static_cast<size_t>(rows[i]) * static_cast<size_t>(n) + j) * 7 % 251);
          ASSERT_EQ(got[i * static_cast<size_t>(n) + j], v * 0.5f - 3.f)
              << name_of(type) << " " << n;
        }
      }
      EXPECT_EQ(got.back(), -1.f) << "wrote past the rows";
    }
  }
}

TEST(Datasets, ReadKeepsTheStoredType) {
  const Dataset d = single(counting(4, 3));
  const int32_t rows[] = {2, 1};
  float got[6];
  d.read("x", rows, std::as_writable_bytes(std::span(got)));
  EXPECT_EQ(got[0], 6);
  EXPECT_EQ(got[5], 5);
  EXPECT_THROW(d.read("x", rows, std::as_writable_bytes(std::span(got).first(5))), UsageError);
}

TEST(Datasets, RowsOutsideAreRefused) {
  const Dataset d = single(counting(4, 3));
  float got[3];
  for (const int32_t row : {-1, 4, INT32_MAX, INT32_MIN}) {
    EXPECT_THROW(d.gather("x", {&row, 1}, got), UsageError) << row;
    EXPECT_THROW(d.read("x", {&row, 1}, std::as_writable_bytes(std::span(got))), UsageError) << row;
  }
}

}  // namespace
}  // namespace latent
