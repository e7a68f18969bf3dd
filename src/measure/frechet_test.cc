// The Frechet distance of Gaussians whose distance is known.
#include "measure/frechet.h"

#include <gtest/gtest.h>

#include <cmath>

#include "latent/error.h"
#include "measure/test_models.h"

namespace latent::measure {
namespace {

NormalFit normal(std::vector<double> mean, const std::vector<double>& covariance) {
  const auto n = std::ssize(mean);
  NormalFit g{std::move(mean), Matrix(n, n)};
  g.covariance.values = covariance;
  return g;
}

TEST(Frechet, OfGaussiansInClosedForm) {
  const NormalFit a = normal({0, 0}, {2, 0.5, 0.5, 1});
  EXPECT_NEAR(frechet_distance(a, a), 0, 1e-12);
  // Equal covariances, means d apart: d^2.
  EXPECT_NEAR(frechet_distance(a, normal({3, -4}, {2, 0.5, 0.5, 1})), 25, 1e-12);
  // Diagonal: the sum of (s - s')^2 of the deviations.
  EXPECT_NEAR(frechet_distance(normal({0, 1}, {4, 0, 0, 9}), normal({0, 1}, {1, 0, 0, 25})), 1 + 4,
              1e-10);
  // Singular ones count too: a point from N(0, diag(1, 4)) is the trace away.
  EXPECT_NEAR(frechet_distance(normal({0, 0}, {1, 0, 0, 4}), normal({0, 0}, {0, 0, 0, 0})), 5,
              1e-12);
  // Two that do not commute: C = [2 .5; .5 1], C' = [1 -.3; -.3 3]. The trace of the root of a 2 x
  // 2 matrix M is sqrt(tr M + 2 sqrt(det M)), here of C C'.
  const NormalFit b = normal({0, 0}, {1, -0.3, -0.3, 3});
  const double product = 2 * 1 + 0.5 * -0.3 + 0.5 * -0.3 + 1 * 3, det = (2 - 0.25) * (3 - 0.09);
  EXPECT_NEAR(frechet_distance(a, b), 3 + 4 - 2 * std::sqrt(product + 2 * std::sqrt(det)), 1e-10);
  EXPECT_NEAR(frechet_distance(b, a), frechet_distance(a, b), 1e-12);
}

TEST(Frechet, OfRowsAndOfDraws) {
  EXPECT_EQ(gaussian_of(std::vector<float>{1, 2, 3, 6}, 2).mean, (std::vector<double>{2, 4}));
  EXPECT_EQ(gaussian_of(std::vector<float>{1, 2, 3, 6}, 2).covariance.values,
            (std::vector<double>{2, 4, 4, 8}));
  const NormalFit a = normal({1, -2}, {2, 0.5, 0.5, 1});
  const std::vector<float> draws = draws_of(a, 20000, 3), few = draws_of(a, 5, 3);
  EXPECT_TRUE(std::equal(few.begin(), few.end(), draws.begin()));
  // Of d values the chance of n draws leaves about (d + d (d + 1) / 4 ..) / n: far below this.
  EXPECT_LT(frechet_distance(gaussian_of(draws, 2), a), 0.003);
  EXPECT_THROW(gaussian_of(std::vector<float>{1, 2}, 2), UsageError);
  EXPECT_THROW(gaussian_of(std::vector<float>{1, 2, 3}, 2), UsageError);
  EXPECT_THROW(frechet_distance(a, normal({0}, {1})), UsageError);
}

}  // namespace
}  // namespace latent::measure
