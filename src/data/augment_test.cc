// Augmentation: what each word does, and that a row's change depends on seed, epoch and row alone.
#include "data/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace latent {
namespace {

using Rows = std::vector<float>;

Rows counting(size_t n) {
  Rows r(n);
  std::iota(r.begin(), r.end(), 0.f);
  return r;
}

std::vector<int32_t> ids(int32_t n) {
  std::vector<int32_t> all(static_cast<size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// The different results for a picture under many row ids.
std::set<Rows> results(const std::vector<std::string>& how, const Shape& row, const Rows& picture) {
  Augment augment(how, row, 1);
  std::set<Rows> all;
  for (int32_t id = 0; id < 400; ++id) {
    Rows r = picture;
    augment.apply(r, 0, std::vector<int32_t>{id});
    all.insert(r);
  }
  return all;
}

TEST(Augmentation, FlipsMirrorHalfOfTheRows) {
  const Rows two = {1, 2, 3, 4, 5, 6};  // a row of two pixels of three channels
  EXPECT_EQ(results({"flip"}, {1, 2, 3}, two), (std::set<Rows>{two, {4, 5, 6, 1, 2, 3}}));
  EXPECT_EQ(results({"flip-vertical"}, {3, 2}, two), (std::set<Rows>{two, {5, 6, 3, 4, 1, 2}}));
  Augment augment({"flip"}, {1, 2}, 7);
  Rows many;
  for (int i = 0; i < 1000; ++i) many.insert(many.end(), {0, 1});
  augment.apply(many, 0, ids(1000));
  double mirrored = 0;
  for (size_t i = 0; i < 1000; ++i) mirrored += many[2 * i];
  EXPECT_NEAR(mirrored, 500, 60);
}

TEST(Augmentation, ShiftsRepeatTheBorder) {
  const std::set<Rows> found = results({"shift=1"}, {2, 3}, counting(6));
  EXPECT_EQ(found.size(), 9u);
  EXPECT_TRUE(found.count({0, 0, 1, 3, 3, 4})) << "to the right";
  EXPECT_TRUE(found.count({3, 4, 5, 3, 4, 5})) << "up";
  EXPECT_TRUE(found.count(counting(6))) << "by nothing";
}

TEST(Augmentation, CropsStayWithinThePicture) {
  const Rows picture = counting(8 * 8);
  for (const Rows& r : results({"crop=0.5"}, {8, 8}, picture)) {
    for (size_t i = 0; i + 1 < 64; ++i) {
      EXPECT_TRUE(i % 8 == 7 || r[i] <= r[i + 1]) << "values grow to the right, as the picture's";
      EXPECT_TRUE(i + 8 >= 64 || r[i] <= r[i + 8]) << "and downwards";
    }
    EXPECT_GE(r.front(), 0);
    EXPECT_LE(r.back(), 63);
  }
  EXPECT_EQ(results({"crop=1"}, {8, 8}, picture).size(), 1u);
  const std::set<Rows> flat = results({"crop=0.5", "flip", "shift=3"}, {8, 8}, Rows(64, 5.f));
  EXPECT_EQ(flat, (std::set<Rows>{Rows(64, 5.f)})) << "a flat picture stays what it is";
}

TEST(Augmentation, DependsOnSeedEpochAndRowAlone) {
  const std::vector<std::string> how = {"flip", "shift=3", "crop=0.7"};
  const Shape row{8, 8};
  Augment augment(how, row, 3);
  const auto changed = [&](Augment& a, int64_t epoch, std::vector<int32_t> rows) {
    Rows values;
    for (size_t i = 0; i < rows.size(); ++i) {
      const Rows r = counting(64);
      values.insert(values.end(), r.begin(), r.end());
    }
    a.apply(values, epoch, rows);
    return values;
  };
  const Rows alone = changed(augment, 2, {9}), second = changed(augment, 2, {4, 9});
  EXPECT_TRUE(std::ranges::equal(alone, std::span(second).subspan(64)));
  EXPECT_NE(alone, changed(augment, 3, {9}));
  EXPECT_NE(alone, changed(augment, 2, {8}));
  Augment other(how, row, 4);
  EXPECT_NE(alone, changed(other, 2, {9}));
}

TEST(Augmentation, WordsThatThereAreNot) {
  const auto make = [](const std::string& word, const Shape& row) {
    return Augment({word}, row, 1);
  };
  EXPECT_THROW(make("flop", {8, 8}), UsageError);
  EXPECT_THROW(make("shift", {8, 8}), UsageError);
  EXPECT_THROW(make("shift=8", {8, 8}), UsageError) << "by a whole picture";
  EXPECT_THROW(make("shift=0.9", {8, 8}), UsageError);
  EXPECT_THROW(make("crop=0", {8, 8}), UsageError);
  EXPECT_THROW(make("crop=x", {8, 8}), UsageError);
  EXPECT_THROW(make("flip", {64}), UsageError) << "no picture";
  EXPECT_TRUE(Augment({}, {64}, 1).none());
}

}  // namespace
}  // namespace latent
