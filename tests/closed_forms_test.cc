// Distributions and optimizers against closed forms, in double. The numbers are those of published
// derivations.
#include <gtest/gtest.h>

#include <cmath>

#include "latent/latent.h"

namespace latent {
namespace {

/// Evaluates an expression made of constant feeds.
double value(const std::function<Expr(Graph&)>& make) {
  Graph g;
  g.fetch("y", sum(make(g)));
  Reference r(g);
  r.run();
  return r.fetch("y")[0];
}

Expr row(Graph& g, std::vector<double> v) {  // [1, n]
  std::vector<Expr> parts;
  for (double x : v) parts.push_back(broadcast_to(cast(iota(g, 1), DType::f32) * 0 + x, {1, 1}));
  return concat(parts, 1);
}
Expr one(Graph& g, double x) { return row(g, {x}); }

TEST(ClosedForms, KlOfGaussians) {
  const auto kl = [](double m, double lv) {
    return value([&](Graph& g) { return Gaussian{one(g, m), one(g, lv)}.kl_standard(); });
  };
  EXPECT_NEAR(kl(.5, .2), 0.13570137908008495, 1e-12);
  EXPECT_NEAR(kl(-1, -.3), 0.5204091103408588, 1e-12);
  EXPECT_NEAR(kl(1, 0), 0.5, 1e-12);
  EXPECT_NEAR(kl(0, std::log(4)), 0.8068528194400546, 1e-12);
  EXPECT_NEAR(kl(0, std::log(.25)), 0.3181471805599453, 1e-12);
  EXPECT_EQ(kl(0, 0), 0);
  EXPECT_NEAR(value([](Graph& g) {
                return Gaussian{row(g, {.5, -1}), row(g, {.2, -.3})}.kl_standard();
              }),
              0.6561104894209437, 1e-12);
  EXPECT_NEAR(value([](Graph& g) {
                return kl_divergence({one(g, 1), one(g, .3)}, {one(g, 1), one(g, .3)});
              }),
              0, 1e-15);
  EXPECT_NEAR(value([](Graph& g) {
                return kl_divergence({one(g, .5), one(g, .2)}, {one(g, 0), one(g, 0)});
              }),
              0.13570137908008495, 1e-12);
}

TEST(ClosedForms, MonteCarloKlAgrees) {
  Graph g;
  const Expr zero = cast(iota(g, 100000), DType::f32) * 0;
  const Gaussian q{reshape(zero + 0.5, {100000, 1}), reshape(zero + 0.2, {100000, 1})};
  const Expr kl = kl_monte_carlo(q, q.sample(Scope(g, true) / "z"));
  g.fetch("mean", mean(kl));
  g.fetch("variance", mean(square(kl - 0.13570137908008495)));
  Reference r(g);
  r.run();
  EXPECT_NEAR(r.fetch("mean")[0], 0.13570137908008495, 4 * std::sqrt(r.fetch("variance")[0] / 1e5));
}

TEST(ClosedForms, GaussianKeepsItsConstants) {
  EXPECT_NEAR(value([](Graph& g) { return gaussian_fixed(1).nll(one(g, .3), one(g, .3)); }),
              0.9189385332046727, 1e-12);
  EXPECT_NEAR(value([](Graph& g) {
                return gaussian_learned().nll(row(g, {.3, 0}), one(g, .3));
              }),
              0.9189385332046727, 1e-12);
  EXPECT_NEAR(value([](Graph& g) { return laplace(2).nll(one(g, 1), one(g, 2)); }),
              0.5 + std::log(4), 1e-12);
}

TEST(ClosedForms, BernoulliIsExactForLargeLogits) {
  const auto nll = [](double l, double x) {
    return value([&](Graph& g) { return bernoulli().nll(one(g, l), one(g, x)); });
  };
  EXPECT_EQ(nll(1000, 0), 1000);
  EXPECT_NEAR(nll(0, 1), std::log(2), 1e-12);
  EXPECT_NEAR(nll(-1000, 1), 1000, 1e-12);
}

TEST(ClosedForms, ContinuousBernoulli) {
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

TEST(ClosedForms, DiscretizedLogistic) {
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

TEST(ClosedForms, OptimalSigma) {  // pitfall 10: D/2 (ln 2 pi mse + 1) a row
  const double nll = value([](Graph& g) {
    return gaussian_optimal().nll(row(g, {0, 0}), row(g, {.3, -.1}));
  });
  EXPECT_NEAR(nll, std::log(2 * M_PI * 0.05) + 1, 1e-12);
}

TEST(ClosedForms, Categorical) {
  const auto logits = [](Graph& g) { return log(row(g, {.7, .2, .1})); };
  EXPECT_NEAR(value([&](Graph& g) { return categorical_kl_uniform(logits(g)); }),
              0.2967937361247722, 1e-12);
  EXPECT_NEAR(value([&](Graph& g) { return categorical_nll(logits(g), iota(g, 1)); }),
              -std::log(.7), 1e-12);
}

TEST(ClosedForms, IwaeOfTheLinearGaussianHasNoVariance) {
  // p(z) = N(0, 1), p(x|z) = N(2 z, 1/2), x = 1.3; the exact posterior makes every weight p(x).
  Graph g;
  const Scope s(g, true);
  const Expr zero = cast(iota(g, 5), DType::f32) * 0;
  const Gaussian q{reshape(zero + 0.5777777777777778, {5, 1}),
                   reshape(zero + std::log(0.1111111111111111), {5, 1})};
  const Expr z = q.sample(s / "z");
  const Expr logw = -gaussian_fixed(std::sqrt(0.5)).nll(2 * z, reshape(zero + 1.3, {5, 1})) +
                    standard_normal_log_prob(z) - q.log_prob(z);
  g.fetch("w", logw);
  g.fetch("bound", logmeanexp(reshape(logw, {5, 1})));
  g.fetch("shifted", logmeanexp(reshape(logw + 1000, {5, 1})));
  Reference r(g);
  r.run();
  for (double w : r.fetch("w")) EXPECT_NEAR(w, -1.8587550093705876, 1e-12);
  EXPECT_NEAR(r.fetch("bound")[0], -1.8587550093705876, 1e-12);
  EXPECT_NEAR(r.fetch("shifted")[0], 1000 - 1.8587550093705876, 1e-10);
}

TEST(ClosedForms, AdamAgainstItsDefinition) {  // pitfall 36
  for (double decay : {0.0, 0.1}) {
    Graph g;
    const Expr w = (Scope(g, true) / "p").param("w", {1}, constant_init(2));
    minimize(g, sum(square(w) * 1.5), Adam{.rate = 0.1, .decay = decay});
    Slots slots;
    Plan plan(g, slots, {.threads = 1});
    double x = 2, m = 0, v = 0;
    for (int t = 1; t <= 5; ++t) {
      plan.run();
      const double d = 3 * x;
      m = .9 * m + .1 * d;
      v = .999 * v + .001 * d * d;
      const double before = x;
      x = x - 0.1 * (m / (1 - std::pow(.9, t))) / (std::sqrt(v / (1 - std::pow(.999, t))) + 1e-8) -
          0.1 * decay * x;
      EXPECT_NEAR(slots.at("p/w").span<float>()[0], x, 2e-6);
      if (t == 1 && decay == 0) {
        EXPECT_NEAR(before - x, 0.1, 1e-8);
      }
    }
  }
}

TEST(ClosedForms, ClippingBoundsTheCommonNorm) {
  Graph g;
  const Expr a = (Scope(g, true) / "a").param("w", {1}, constant_init(3)),
             b = (Scope(g, true) / "b").param("w", {1}, constant_init(4));
  minimize(g, sum(square(a)) * 0.5 + sum(square(b)) * 0.5, Sgd{.rate = 1}, 1.0);
  Slots slots;
  Plan(g, slots, {.threads = 1}).run();
  EXPECT_NEAR(slots.at("a/w").span<float>()[0], 3 - 0.6, 1e-5);
  EXPECT_NEAR(slots.at("b/w").span<float>()[0], 4 - 0.8, 1e-5);
}

TEST(Layers, OrthogonalDropoutAndNames) {
  Tensor t({6, 4});
  orthogonal().fill(t, 1, 2);
  for (size_t i = 0; i < 4; ++i) {
    for (size_t j = 0; j < 4; ++j) {
      double dot = 0;
      for (size_t k = 0; k < 6; ++k)
        dot += static_cast<double>(t.span<float>()[k * 4 + i]) *
               static_cast<double>(t.span<float>()[k * 4 + j]);
      EXPECT_NEAR(dot, i == j, 1e-6);
    }
  }
  Tensor w({300, 200});
  glorot_uniform(300, 200).fill(w, 1, 2);
  double square_sum = 0;
  for (float v : w.span<float>()) square_sum += static_cast<double>(v) * static_cast<double>(v);
  EXPECT_NEAR(square_sum / 60000, 2.0 / 500, 1e-4);
  Graph g;
  const Expr ones = reshape(cast(iota(g, 40000), DType::f32) * 0 + 1, {400, 100});
  g.fetch("dropped", mean(dropout(Scope(g, true) / "d", ones, 0.3)));
  EXPECT_EQ(dropout(Scope(g, false) / "d", ones, 0.3), ones);
  Slots slots;
  Plan plan(g, slots, {.threads = 1});
  plan.run();
  EXPECT_NEAR(plan.scalar("dropped"), 1, 0.02);
  EXPECT_THROW(activate("rleu", ones), UsageError);
}

}  // namespace
}  // namespace latent
