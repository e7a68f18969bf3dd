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

// Without a floor one value of a wide net's outputs costs e^20 times its error.
TEST(Likelihoods, LogarithmsOfScalesHaveAFloor) {
  const auto nll = [](const Likelihood& l, double m, double s, double x) {
    return value([&](Graph& g) { return l.nll(row(g, {m, s}), one(g, x)); });
  };
  for (const double x : {0.0, 100 / 255.0, 1.0}) {
    EXPECT_EQ(nll(discretized_logistic(), .2, -30, x), nll(discretized_logistic(), .2, -7, x));
    EXPECT_LT(nll(discretized_logistic(), .2, -30, x), 1.3 * std::exp(7));
    EXPECT_EQ(nll(gaussian_learned(), .2, -60, x), nll(gaussian_learned(), .2, -12, x));
    EXPECT_GT(nll(gaussian_learned(), .2, -11, x) - nll(gaussian_learned(), .2, -10, x), 1);
  }
}

TEST(Likelihoods, AMixtureOfDiscretizedLogisticsAddsTo1) {
  const std::vector<double> weights = {.3, -1, .5}, means = {-.9, .1, .95}, scales = {-3, -9, -1};
  std::vector<double> parameters;
  for (const auto* v : {&weights, &means, &scales})
    parameters.insert(parameters.end(), v->begin(), v->end());
  const Likelihood mixture = discretized_logistic_mixture(3);
  const auto nll = [&](const Likelihood& l, std::vector<double> p, int level) {
    return value([&](Graph& g) { return l.nll(row(g, p), one(g, level / 255.0)); });
  };
  double total = 0;
  for (int level = 0; level < 256; ++level) total += std::exp(-nll(mixture, parameters, level));
  EXPECT_NEAR(total, 1, 1e-12);
  // One by one: the weighted sum of its components, of which the scale is held at e^-7.
  double norm = 0;
  for (const double w : weights) norm += std::exp(w);
  for (const int level : {0, 13, 140, 255}) {
    double p = 0;
    for (size_t i = 0; i < 3; ++i)
      p += std::exp(weights[i]) / norm *
           std::exp(-nll(discretized_logistic(), {means[i], std::max(scales[i], -7.0)}, level));
    EXPECT_NEAR(nll(mixture, parameters, level), -std::log(p), 1e-9) << level;
  }
  // With one component it is that logistic, whatever its weight.
  EXPECT_NEAR(nll(discretized_logistic_mixture(1), {4, .2, -2}, 100),
              nll(discretized_logistic(), {.2, -2}, 100), 1e-12);
  EXPECT_THROW(discretized_logistic_mixture(0), UsageError);
}

// Of two values, each two components far apart: draws of both values lie at both, in the shares of
// the weights, and the mean is theirs.
TEST(Likelihoods, AMixturesDrawsHaveItsSharesAndMean) {
  const Likelihood mixture = discretized_logistic_mixture(2);
  constexpr int64_t kRows = 4000;
  Graph g;
  // Weights of component 0 at the two values, then of 1; means; log scales.
  const double quarter = std::log(1.0 / 3);
  const Expr p =
      broadcast_to(row(g, {0, quarter, 0, 0, -.6, -.6, .6, .6, -6, -6, -6, -6}), {kRows, 12});
  g.fetch("drawn", mixture.sample(Scope(g, false) / "draw", p));
  g.fetch("mean", mixture.mean(p));
  Slots slots(1);
  Plan plan(g, slots, {.threads = 1});
  plan.run();
  const auto drawn = plan.fetch("drawn"), mean = plan.fetch("mean");
  for (size_t j = 0; j < 2; ++j) {
    const double low = j == 0 ? 0.5 : 0.25;
    double share = 0;
    for (size_t i = j; i < drawn.size(); i += 2) {
      share += static_cast<double>(drawn[i] < 0.5f) / static_cast<double>(kRows);
      EXPECT_NEAR(drawn[i], drawn[i] < 0.5f ? 0.2 : 0.8, 0.03);
    }
    EXPECT_NEAR(share, low, 5 * std::sqrt(low * (1 - low) / kRows));
    EXPECT_NEAR(mean[j], 0.2 * low + 0.8 * (1 - low), 1e-5);
  }
}

TEST(Likelihoods, OptimalSigma) {  // pitfall 10: D/2 (ln 2 pi mse + 1) a row
  const double nll = value([](Graph& g) {
    return gaussian_optimal().nll(row(g, {0, 0}), row(g, {.3, -.1}));
  });
  EXPECT_NEAR(nll, std::log(2 * M_PI * 0.05) + 1, 1e-12);
}

}  // namespace
}  // namespace latent
