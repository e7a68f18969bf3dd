// Ways through codes, by hand.
#include "measure/walk.h"

#include <gtest/gtest.h>

#include <cmath>

#include "latent/error.h"

namespace latent::measure {
namespace {

const std::vector<float> kA = {2, 0}, kB = {0, 4};

TEST(Walk, LinesKeepTheirEnds) {
  EXPECT_EQ(line(kA, kB, 3), (std::vector<float>{2, 0, 1, 2, 0, 4}));
  EXPECT_EQ(line(kA, kB, 2), (std::vector<float>{2, 0, 0, 4}));
  EXPECT_THROW(line(kA, kB, 1), UsageError);
  EXPECT_THROW(line(kA, std::vector<float>{1}, 3), UsageError);
  EXPECT_THROW(arc(kA, std::vector<float>{1}, 3), UsageError);
}

TEST(Walk, ArcsKeepTheLength) {
  const auto codes = arc(kA, kB, 5);
  for (int i = 0; i < 5; ++i) {
    EXPECT_NEAR(std::hypot(codes[size_t(2 * i)], codes[size_t(2 * i + 1)]), 2 + 0.5 * i, 1e-6);
    EXPECT_NEAR(std::atan2(codes[size_t(2 * i + 1)], codes[size_t(2 * i)]), i * M_PI / 8, 1e-6);
  }
  const std::vector<float> zero = {0, 0}, opposite = {-1, 0};
  EXPECT_EQ(arc(kA, zero, 3), line(kA, zero, 3));
  EXPECT_EQ(arc(kA, opposite, 3), line(kA, opposite, 3));
}

TEST(Walk, OneUnitMoves) {
  const std::vector<double> values = {-1, 5};
  EXPECT_EQ(along_unit(kA, 1, values), (std::vector<float>{2, -1, 2, 5}));
  EXPECT_THROW(along_unit(kA, 2, values), UsageError);
}

}  // namespace
}  // namespace latent::measure
