// Importance-weighted bounds and their gradients on a linear-Gaussian model whose evidence is
// known: p(z) = N(0, 1), p(x | z) = N(w z, 1/2), x = 1.3, w = 2, log p(x) = -1.8587550093705876.
// The posterior q is wrong on purpose; with the true one every importance weight is p(x)
// (src/dist/gaussian_test.cc). Pitfalls 12 and 13: Burda et al. 2016 (arXiv 1509.00519), Rainforth
// et al. 2018 (1802.04537), Tucker et al. 2019 (1810.04152).
#include <gtest/gtest.h>

#include <cmath>

#include "latent/latent.h"

namespace latent {
namespace {

constexpr double kEvidence = -1.8587550093705876;

/// log w = log p(x | z) + log p(z) - log q(z), elementwise on z [k, n].
Expr log_weights(Arg z, Arg w, Arg mean, Arg logvar) {
  const double log_two_pi = std::log(2 * M_PI);
  return -square(1.3 - w.expr() * z) - 0.5 * std::log(M_PI) - 0.5 * (square(z) + log_two_pi) +
         0.5 * (square(z - mean) * exp(-logvar.expr()) + logvar + log_two_pi);
}

/// n replicates of the bound of k samples with its gradients: mean and logvar of q and the
/// decoder's w are feeds [n], so that every replicate has its own.
struct Bound {
  Graph g;
  Expr logw, bound;
  Bound(int64_t k, int64_t n, bool dreg = false) {
    const Expr mean = g.feed("mean", {n}), logvar = g.feed("logvar", {n}), w = g.feed("w", {n});
    const Expr z = mean + exp(0.5 * logvar) * normal(Scope(g, true) / "z", {k, n});
    logw = log_weights(z, w, mean, logvar);
    if (dreg) {
      // Doubly reparametrized: q is reached through z alone, and there the weights enter twice.
      const Expr weight = stop_gradient(softmax(logw, 0));
      logw = log_weights(scale_gradient(z, weight), w, stop_gradient(mean), stop_gradient(logvar));
    }
    bound = logmeanexp(logw);
    g.fetch("logw", logw);
    g.fetch("bound", bound);
    const std::vector<Expr> d = grad(sum(bound), {mean, logvar, w});
    g.fetch("dmean", d[0]);
    g.fetch("dlogvar", d[1]);
    g.fetch("dw", d[2]);
  }
  /// A plan that has run at q = N(0.3, 0.3).
  Plan run(Slots& slots) {
    Plan plan(g, slots, {.threads = 1});
    for (float& v : plan.feed("mean")) v = 0.3f;
    for (float& v : plan.feed("logvar")) v = std::log(0.3f);
    for (float& v : plan.feed("w")) v = 2;
    plan.run();
    return plan;
  }
};

struct Moments {
  double mean = 0, deviation = 0, error = 0;
  explicit Moments(std::span<const float> v) {
    for (float x : v) mean += static_cast<double>(x);
    mean /= static_cast<double>(v.size());
    for (float x : v) deviation += std::pow(static_cast<double>(x) - mean, 2);
    deviation = std::sqrt(deviation / static_cast<double>(v.size() - 1));
    error = deviation / std::sqrt(static_cast<double>(v.size()));
  }
  double signal_to_noise() const { return std::abs(mean) / deviation; }
};

TEST(Estimators, OneSampleIsTheElboDrawForDraw) {
  Slots slots(5);
  Bound one(1, 100);
  const Plan plan = one.run(slots);
  for (size_t i = 0; i < 100; ++i)
    EXPECT_FLOAT_EQ(plan.fetch("bound")[i], plan.fetch("logw")[i]) << i;
}

TEST(Estimators, BoundsRiseToTheEvidence) {
  double before = -1e30, before_error = 0;
  for (int64_t k : {1, 2, 5, 50}) {
    Slots slots(static_cast<uint64_t>(k));
    Bound b(k, 20000);
    const Plan plan = b.run(slots);
    const Moments m(plan.fetch("bound"));
    EXPECT_GT(m.mean, before + 4 * (m.error + before_error)) << k;
    EXPECT_LT(m.mean, kEvidence + 4 * m.error) << k;
    before = m.mean;
    before_error = m.error;
  }
  EXPECT_NEAR(before, kEvidence, 0.02);
  // One sample: the ELBO in closed form, log p(x) - KL(q to the posterior).
  const double kl = 0.5 * (0.3 * 9 - 1 - std::log(0.3 * 9) + std::pow(0.3 - 5.2 / 9, 2) * 9);
  Slots slots(9);
  Bound one(1, 100000);
  const Plan plan = one.run(slots);
  const Moments m(plan.fetch("bound"));
  EXPECT_NEAR(m.mean, kEvidence - kl, 4 * m.error);
}

TEST(Estimators, DregHasTheGradientOfTheBound) {
  Slots slots(3);
  Bound plain(8, 50000), doubly(8, 50000, true);
  const Plan a = plain.run(slots), b = doubly.run(slots);
  for (const char* name : {"dmean", "dlogvar"}) {
    const Moments x(a.fetch(name)), y(b.fetch(name));
    EXPECT_NEAR(x.mean, y.mean, 4 * std::hypot(x.error, y.error)) << name;
    EXPECT_GT(std::abs(y.mean), 4 * y.error) << name;  // not just zero on both sides
    EXPECT_LT(y.deviation, 0.7 * x.deviation) << name;
  }
  for (size_t i = 0; i < 50000; ++i) ASSERT_EQ(a.fetch("dw")[i], b.fetch("dw")[i]) << i;
}

TEST(Estimators, SignalToNoiseFallsWithoutDregAndRisesWithIt) {
  const auto ratio = [](int64_t k, bool dreg) {
    Slots slots(static_cast<uint64_t>(k));
    Bound b(k, 4000, dreg);
    return Moments(b.run(slots).fetch("dmean")).signal_to_noise();
  };
  // In the limit K^-1/2 and K^1/2: a factor of 4 between 8 samples and 128.
  EXPECT_LT(ratio(128, false), 0.5 * ratio(8, false));
  EXPECT_GT(ratio(128, true), 2 * ratio(8, true));
}

}  // namespace
}  // namespace latent
