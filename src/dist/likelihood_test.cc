// Likelihoods against closed forms, in double. The numbers are those of published derivations.
#include <gtest/gtest.h>

#include <cmath>

#include "dist/test_value.h"

namespace latent {
namespace {

TEST(Likelihoods, GaussianKeepsItsConstants) {
  EXPECT_NEAR(value([](Graph& g) { return gaussian_fixed(1).nll(one(g, .3), one(g, .3)); }),
              0.9189385332046727, 1e-12);
  EXPECT_NEAR(value([](Graph& g) {
                return gaussian_learned().nll(row(g, {.3, 0}), one(g, .3));
              }),
              0.9189385332046727, 1e-12);
  EXPECT_NEAR(value([](Graph& g) { return laplace(2).nll(one(g, 1), one(g, 2)); }),
              0.5 + std::log(4), 1e-12);
}

TEST(Likelihoods, BernoulliIsExactForLargeLogits) {
  const auto nll = [](double l, double x) {
    return value([&](Graph& g) { return bernoulli().nll(one(g, l), one(g, x)); });
  };
  EXPECT_EQ(nll(1000, 0), 1000);
  EXPECT_NEAR(nll(0, 1), std::log(2), 1e-12);
  EXPECT_NEAR(nll(-1000, 1), 1000, 1e-12);
}

TEST(Likelihoods, ContinuousBernoulli) {
  const auto log_norm = [](double p) {
    return value([&](Graph& g) {
      return continuous_bernoulli_log_norm(one(g, std::log(p) - std::log1p(-p)));
    });
  };
  EXPECT_NEAR(log_norm(.1), 1.010338559490854, 1e-12);
  EXPECT_NEAR(log_norm(.25), 0.7871950081766442, 1e-12);
  EXPECT_NEAR(log_norm(.75), 0.7871950081766442, 1e-12);
  EXPECT_NEAR(log_norm(.5), std::log(2), 1e-12);
  EXPECT_NEAR(log_norm(.99), 1.5451975455128972, 1e-12);
  for (double l : {0.199, 0.201}) {  // the series meets the formula
    EXPECT_NEAR(value([&](Graph& g) { return continuous_bernoulli_log_norm(one(g, l)); }),
                std::log(l / std::tanh(l / 2)), 1e-10);
  }
  const auto mean = [](double p) {
    return value([&](Graph& g) {
      return continuous_bernoulli().mean(one(g, std::log(p) - std::log1p(-p)));
    });
  };
  EXPECT_NEAR(mean(.25), 0.41023922662683754, 1e-12);
  EXPECT_NEAR(mean(.75), 0.5897607733731625, 1e-12);
}

TEST(Likelihoods, DiscretizedLogistic) {
  const auto nll = [](double m, double s, double level) {
    return value([&](Graph& g) {
      return discretized_logistic().nll(row(g, {m, s}), one(g, level / 255));
    });
  };
  double total = 0;
  for (int k = 0; k < 256; ++k) total += std::exp(-nll(.9, -2, k));
  EXPECT_NEAR(total, 1, 1e-12);
  EXPECT_NEAR(nll(0, -3, 128), 3.2364758072871807, 1e-9);
  EXPECT_NEAR(nll(0, -3, 0), 20.00677011377143, 1e-9);
  EXPECT_NEAR(nll(.9, -4, 255), 5.2509608796228395, 1e-9);
}

TEST(Likelihoods, OptimalSigma) {  // pitfall 10: D/2 (ln 2 pi mse + 1) a row
  const double nll = value([](Graph& g) {
    return gaussian_optimal().nll(row(g, {0, 0}), row(g, {.3, -.1}));
  });
  EXPECT_NEAR(nll, std::log(2 * M_PI * 0.05) + 1, 1e-12);
}

}  // namespace
}  // namespace latent
