// Scaling and likelihood that follow from the data, with the reason; undone exactly enough.
#include "data/scaling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "base/file.h"
#include "data/csv.h"

namespace latent {
namespace {

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Dataset floats(std::vector<float> values, int64_t rows, const Shape& row) {
  return Dataset::from_memory("test", values, rows, row);
}

Dataset bytes(std::vector<uint8_t> values, Shape shape) {
  Tensor t(shape, DType::u8);
  std::ranges::copy(values, t.span<uint8_t>().begin());
  std::vector<Field> fields;
  fields.push_back({"x", std::move(t)});
  return Dataset("test", std::move(fields));
}

std::vector<float> gathered(const Dataset& d, const Scaling& s) {
  std::vector<int32_t> rows(static_cast<size_t>(d.size()));
  std::iota(rows.begin(), rows.end(), 0);
  std::vector<float> out(static_cast<size_t>(d.field("x").values.elements()));
  d.gather("x", rows, out.data(), s);
  return out;
}

TEST(Scalings, PicturesHaveOneScale) {
  const Dataset digits = Dataset::open("digits");
  const Scaling s = choose_scaling(digits, "x");
  EXPECT_EQ(s.kind, ScalingKind::minmax);
  ASSERT_TRUE(s.is_uniform());
  EXPECT_EQ(s.scale[0], 1 / 16.);
  EXPECT_EQ(s.shift[0], 0);
  EXPECT_TRUE(says(s.reason, "[0, 16]")) << s.reason;
  EXPECT_EQ(choose_likelihood(digits, "x", s).name, "bernoulli");
  EXPECT_TRUE(says(choose_likelihood(digits, "x", s).reason, "bound"));
}

TEST(Scalings, BytesAreDividedBy255WhateverTheirGreatest) {
  const Dataset d = bytes({5, 0, 200, 17}, {2, 2});
  const Scaling s = choose_scaling(d, "x");
  EXPECT_EQ(s.scale[0], 1 / 255.);
  EXPECT_EQ(gathered(d, s)[2], 200 / 255.f);
  EXPECT_EQ(choose_likelihood(d, "x", s).name, "bernoulli");
  // MNIST as CSV: whole numbers in f32 rows.
  std::vector<float> flat(2 * 64, 0.f);
  flat[70] = 254;
  EXPECT_EQ(choose_scaling(floats(flat, 2, {64}), "x").scale, std::vector<double>{1 / 255.});
  EXPECT_EQ(choose_scaling(floats(flat, 4, {32}), "x").kind, ScalingKind::standardize)
      << "a table of counts";
}

TEST(Scalings, TwoValuesAreBernoulliWithoutReserve) {
  const Dataset d = bytes({0, 255, 255, 0}, {2, 2});
  const LikelihoodChoice c = choose_likelihood(d, "x", choose_scaling(d, "x"));
  EXPECT_EQ(c.name, "bernoulli");
  EXPECT_FALSE(says(c.reason, "bound"));
  const Dataset zeros = floats({0, 1, 1, 0}, 2, {2});
  EXPECT_EQ(choose_scaling(zeros, "x").kind, ScalingKind::none);
  EXPECT_EQ(choose_likelihood(zeros, "x", {}).reason, "every value is 0 or 1");
}

TEST(Scalings, ValuesInTheUnitIntervalStay) {
  const Dataset d = floats({0.25f, 0.5f, 1, 0}, 2, {2});
  const Scaling s = choose_scaling(d, "x");
  EXPECT_EQ(s.kind, ScalingKind::none);
  EXPECT_TRUE(says(s.reason, "as they are")) << s.reason;
  EXPECT_EQ(gathered(d, s)[0], 0.25f);
  EXPECT_EQ(choose_likelihood(d, "x", s).name, "bernoulli");
}

TEST(Likelihoods, SoundsAreRealNumbers) {
  std::vector<Field> fields;
  fields.push_back({"x", Tensor({2, 1, 4})});
  const Dataset silence("silence", std::move(fields), {.content = {.kind = "audio"}});
  EXPECT_EQ(choose_likelihood(silence, "x", {}).name, "gaussian_optimal");
}

TEST(Scalings, TablesAreStandardizedByColumn) {
  // Column 0: mean 2, deviation 1; column 1 does not vary; column 2: large and close together.
  const Dataset d = floats({1, 7, 1e6f, 3, 7, 1e6f + 1}, 2, {3});
  const Scaling s = choose_scaling(d, "x");
  EXPECT_EQ(s.kind, ScalingKind::standardize);
  ASSERT_EQ(s.scale.size(), 3u);
  EXPECT_EQ(s.scale[1], 1) << "a constant column keeps its scale";
  EXPECT_TRUE(says(s.reason, "1 of the 3 columns does not vary (2)")) << s.reason;
  const std::vector<float> got = gathered(d, s);
  EXPECT_EQ(got, (std::vector<float>{-1, 0, -1, 1, 0, 1}));
  EXPECT_EQ(choose_likelihood(d, "x", s).name, "gaussian_optimal");

  std::vector<float> back = got;
  s.undo(back);
  EXPECT_EQ(back, (std::vector<float>{1, 7, 1e6f, 3, 7, 1e6f + 1}));
  s.apply(back);
  EXPECT_EQ(back, got) << "apply and gather agree";
}

TEST(Scalings, NamedColumnsOfFractionsAreATable) {
  const std::string path = testing::TempDir() + "latent-fractions.csv";
  write_file_atomic(path, "share,rate\n0.25,0.5\n0.5,0.75\n");
  const Dataset d = Dataset::open(path);
  EXPECT_EQ(choose_scaling(d, "x").kind, ScalingKind::standardize);
  write_file_atomic(path, "yes,no\n0,1\n1,1\n");
  const Dataset flags = Dataset::open(path);
  EXPECT_EQ(choose_scaling(flags, "x").kind, ScalingKind::none);
  const std::string reason = make_scaling(ScalingKind::standardize, flags, "x").reason;
  EXPECT_TRUE(says(reason, "(no)")) << reason;
  ::remove(path.c_str());
}

TEST(Scalings, OnlyTheRowsGivenCount) {
  const Dataset d = floats({0, 10, 20, 1000}, 4, {1});
  const int32_t rows[] = {0, 2};
  const Scaling s = make_scaling(ScalingKind::minmax, d, "x", rows);
  EXPECT_EQ(gathered(d, s), (std::vector<float>{0, 0.5, 1, 50}));
  const int32_t bad[] = {4};
  EXPECT_THROW(make_scaling(ScalingKind::minmax, d, "x", bad), UsageError);
}

// The greatest and the least value land on 1 and 0, not beside them, or a Bernoulli would refuse.
TEST(Scalings, MinmaxEndsExactly) {
  for (const float low : {-3.7f, -1e-3f, 1e6f}) {
    for (const float width : {0.3f, 7.1f, 1e4f}) {
      const Dataset d = floats({low, low + width, low + width / 3}, 3, {1, 1});
      const Scaling s = make_scaling(ScalingKind::minmax, d, "x");
      const std::vector<float> got = gathered(d, s);
      if (low < 0) {
        EXPECT_EQ(got[0], 0) << low << " " << width;
      }
      EXPECT_EQ(got[1], 1) << low << " " << width;
      std::vector<float> back = got;
      s.undo(back);
      EXPECT_NEAR(back[2], low + width / 3, 1e-6 * (std::abs(low) + width));
    }
  }
}

TEST(Scalings, ALikelihoodOfTheUnitIntervalRefusesOtherValues) {
  const Dataset digits = Dataset::open("digits");
  for (const char* name : {"bernoulli", "continuous_bernoulli", "discretized_logistic"}) {
    check_likelihood(name, digits, "x", choose_scaling(digits, "x"));
    try {
      check_likelihood(name, digits, "x", Scaling{});
      FAIL() << name;
    } catch (const UsageError& e) {
      EXPECT_TRUE(says(e.what(), name)) << e.what();
      EXPECT_TRUE(says(e.what(), "value 3 of row 0 of digits is 5")) << e.what();
      EXPECT_TRUE(says(e.what(), "--scaling minmax")) << e.what();
    }
  }
  check_likelihood("gaussian_optimal", digits, "x", Scaling{});
  const Dataset late = floats({0, 1, 0, 2}, 2, {2});
  const int32_t first[] = {0};
  check_likelihood("bernoulli", late, "x", Scaling{}, first);
  EXPECT_THROW(check_likelihood("bernoulli", late, "x", Scaling{}), UsageError);
}

TEST(Scalings, NamesAndRefusals) {
  for (const ScalingKind k : {ScalingKind::none, ScalingKind::minmax, ScalingKind::standardize})
    EXPECT_EQ(scaling_named(name_of(k)), k);
  try {
    scaling_named("standardise");
    FAIL();
  } catch (const UsageError& e) {
    EXPECT_TRUE(says(e.what(), "did you mean \"standardize\"")) << e.what();
  }
  EXPECT_THROW(choose_scaling(floats({}, 0, {2}), "x"), UsageError);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  try {
    choose_scaling(floats({1, 2, 3, nan}, 2, {2}), "x");
    FAIL();
  } catch (const DataError& e) {
    EXPECT_TRUE(says(e.what(), "value 2 of row 1")) << e.what();
  }
  Scaling three{.scale = {1, 1, 1}, .shift = {0, 0, 0}};
  EXPECT_THROW(gathered(floats({1, 2}, 1, {2}), three), UsageError);
}

}  // namespace
}  // namespace latent
