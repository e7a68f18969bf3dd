// The Gaussian posterior and divergences against closed forms of published derivations, in double.
#include <gtest/gtest.h>

#include <cmath>

#include "dist/test_value.h"

namespace latent {
namespace {

TEST(Divergences, KlOfGaussians) {
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

TEST(Divergences, MonteCarloKlAgrees) {
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

TEST(Divergences, Categorical) {
  const auto logits = [](Graph& g) { return log(row(g, {.7, .2, .1})); };
  EXPECT_NEAR(value([&](Graph& g) { return categorical_kl_uniform(logits(g)); }),
              0.2967937361247722, 1e-12);
  EXPECT_NEAR(value([&](Graph& g) { return categorical_nll(logits(g), iota(g, 1)); }),
              -std::log(.7), 1e-12);
}

TEST(Divergences, IwaeOfTheLinearGaussianHasNoVariance) {
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

}  // namespace
}  // namespace latent
