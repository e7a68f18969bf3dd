// Optimizers against their definitions.
#include <gtest/gtest.h>

#include <cmath>

#include "latent/latent.h"

namespace latent {
namespace {

TEST(Optimizers, AdamAgainstItsDefinition) {  // pitfall 36
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

TEST(Optimizers, ClippingBoundsTheCommonNorm) {
  Graph g;
  const Expr a = (Scope(g, true) / "a").param("w", {1}, constant_init(3)),
             b = (Scope(g, true) / "b").param("w", {1}, constant_init(4));
  minimize(g, sum(square(a)) * 0.5 + sum(square(b)) * 0.5, Sgd{.rate = 1}, 1.0);
  Slots slots;
  Plan(g, slots, {.threads = 1}).run();
  EXPECT_NEAR(slots.at("a/w").span<float>()[0], 3 - 0.6, 1e-5);
  EXPECT_NEAR(slots.at("b/w").span<float>()[0], 4 - 0.8, 1e-5);
}

}  // namespace
}  // namespace latent
