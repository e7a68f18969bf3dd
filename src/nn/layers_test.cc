// Initializers, dropout and activations by name.
#include <gtest/gtest.h>

#include <cmath>

#include "latent/latent.h"

namespace latent {
namespace {

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
