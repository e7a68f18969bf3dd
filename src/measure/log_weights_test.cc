// Sums of weights against plain sums, and far beyond where these overflow.
#include "measure/log_weights.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace latent::measure {
namespace {

LogWeights of(const std::vector<double>& log_weights, double shift = 0) {
  LogWeights w;
  for (const double l : log_weights) w.add(l + shift);
  return w;
}

TEST(LogWeights, AgreeWithPlainSumsAndFollowAShift) {
  const std::vector<double> logs = {-0.3, 1.7, -2, 0.4, 1.1, -0.9};
  double sum = 0, squares = 0;
  for (const double l : logs) sum += std::exp(l), squares += std::exp(2 * l);
  const double n = 6, mean = sum / n;
  const double variance = (squares / n - mean * mean) * n / (n - 1) / n / (mean * mean);
  for (const double shift : {0., 1000., -1000.}) {  // pitfall 12
    EXPECT_NEAR(of(logs, shift).log_mean(), std::log(mean) + shift, 1e-12) << shift;
    EXPECT_NEAR(of(logs, shift).relative_variance(), variance, 1e-12) << shift;
  }
}

TEST(LogWeights, EqualOnesHaveNoVariance) {
  EXPECT_EQ(of({-7, -7, -7}).log_mean(), -7);
  EXPECT_EQ(of({-7, -7, -7}).relative_variance(), 0);
  EXPECT_EQ(of({-7}).relative_variance(), 0);
}

TEST(LogWeights, OfZeroCount) {
  constexpr double kZero = -std::numeric_limits<double>::infinity();
  EXPECT_NEAR(of({kZero, 0, kZero, 0}).log_mean(), std::log(0.5), 1e-12);
  EXPECT_NEAR(of({kZero, 0, kZero, 0}).relative_variance(), 1. / 3, 1e-12);
  EXPECT_EQ(of({kZero, kZero}).log_mean(), kZero);
}

}  // namespace
}  // namespace latent::measure
