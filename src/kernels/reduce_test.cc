// Sums and maxima against the plain statement of their order, bit for bit on every instruction set.
#include "kernels/reduce.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/test_targets.h"

namespace latent::kernels {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Values of very different sizes and both signs: another order of summation gives other bits.
std::vector<float> uneven(size_t n) {
  std::vector<float> x(n);
  for (size_t i = 0; i < n; ++i) {
    const float size = std::ldexp(1.0f, static_cast<int>(i * 7 % 19) - 9);
    x[i] = size * (static_cast<float>(i * 2654435761u % 1000) - 480.5f);
  }
  return x;
}

TEST(Reduce, LanesFollowTheStatedOrder) {
  for_each_target([] {
    for (size_t n = 0; n <= 3 * kLanes + 5; ++n) {
      const std::vector<float> x = uneven(n + 1);
      float lanes[kLanes + 2], expected[kLanes + 2];
      for (size_t i = 0; i < kLanes + 2; ++i) lanes[i] = expected[i] = 0.1f * static_cast<float>(i);
      for (size_t i = 0; i < n; ++i) expected[1 + i % kLanes] += x[1 + i];
      accumulate_lanes(lanes + 1, x.data() + 1, n);
      for (size_t i = 0; i < kLanes + 2; ++i)
        EXPECT_EQ(lanes[i], expected[i]) << n << " lane " << i;
    }
  });
}

TEST(Reduce, CallsMayFollowEachOther) {
  const std::vector<float> x = uneven(5 * kLanes + 3);
  for_each_target([&] {
    float whole[kLanes] = {}, pieces[kLanes] = {};
    accumulate_lanes(whole, x.data(), x.size());
    accumulate_lanes(pieces, x.data(), 2 * kLanes);
    accumulate_lanes(pieces, x.data() + 2 * kLanes, kLanes);
    accumulate_lanes(pieces, x.data() + 3 * kLanes, 2 * kLanes + 3);
    for (size_t i = 0; i < kLanes; ++i) EXPECT_EQ(whole[i], pieces[i]);
  });
}

TEST(Reduce, EmptySumKeepsNegativeZero) {
  for_each_target([] {
    float lanes[kLanes];
    for (float& lane : lanes) lane = -0.0f;
    const std::vector<float> x(kLanes + 1, -0.0f);
    accumulate_lanes(lanes, x.data(), x.size());
    for (const float lane : lanes) EXPECT_TRUE(std::signbit(lane));
  });
}

TEST(Reduce, FoldsByHalves) {
  const std::vector<float> x = uneven(kLanes);
  float expected[kLanes];
  for (size_t i = 0; i < kLanes; ++i) expected[i] = x[i];
  for (const size_t half : {8, 4, 2, 1}) {
    for (size_t i = 0; i < half; ++i) expected[i] = expected[i] + expected[i + half];
  }
  EXPECT_EQ(fold_lanes(x.data()), expected[0]);
  float straight = 0;
  for (const float value : x) straight += value;
  EXPECT_NE(straight, expected[0]) << "the values of this test do not tell orders apart";
}

TEST(Reduce, Maximum) {
  for_each_target([] {
    EXPECT_EQ(max_of(-kInf, nullptr, 0), -kInf);
    for (size_t n = 1; n <= 3 * kLanes + 5; ++n) {
      for (size_t at = 0; at < n; ++at) {
        std::vector<float> x(n + 1, -3.0f);
        x[0] = 100;
        x[1 + at] = -2.5f;
        EXPECT_EQ(max_of(-kInf, x.data() + 1, n), -2.5f);
        EXPECT_EQ(max_of(-1.0f, x.data() + 1, n), -1.0f);
        x[1 + at] = kNan;
        EXPECT_TRUE(std::isnan(max_of(7.0f, x.data() + 1, n))) << n << " NaN at " << at;
        x[1 + at] = kInf;
        EXPECT_EQ(max_of(0.0f, x.data() + 1, n), kInf);
        EXPECT_TRUE(std::isnan(max_of(kNan, x.data() + 1, n)));
      }
    }
  });
}

TEST(Reduce, AddIntoTouchesOnlyItsRun) {
  for_each_target([] {
    for (size_t n = 0; n <= 2 * kLanes + 3; ++n) {
      const std::vector<float> x = uneven(n + 2);
      std::vector<float> acc(n + 2, 0.3f);
      add_into(acc.data() + 1, x.data() + 2, n);
      EXPECT_EQ(acc.front(), 0.3f);
      EXPECT_EQ(acc.back(), 0.3f);
      for (size_t i = 0; i < n; ++i) EXPECT_EQ(acc[1 + i], 0.3f + x[2 + i]);
    }
  });
}

}  // namespace
}  // namespace latent::kernels
