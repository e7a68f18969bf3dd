// Chains: grouping must leave an order in which the units can run.
#include <gtest/gtest.h>

#include <cmath>

#include "latent/models.h"
#include "latent/optim.h"
#include "latent/plan.h"

namespace latent {
namespace {

// The scale of this loss is a sum over the very errors that it divides, so that groups read each
// other's nodes in an order other than the trace's.
TEST(Fusing, ALossThatDividesByItsOwnSumHasAnOrder) {
  const auto loss_after_steps = [](const CompileOptions& options) {
    const Vae vae{{.inputs = 6, .hidden = {8}, .latent = 2, .likelihood = "gaussian_optimal"}};
    Graph g;
    const Loss loss = vae.loss(Scope(g, true), {.x = g.feed("x", {16, 6})});
    minimize(g, loss.total);
    g.fetch("loss", loss.total);
    Slots slots;
    Plan plan(g, slots, options);
    std::span<float> x = plan.feed("x");
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 37 % 11) - 5;
    for (int i = 0; i < 3; ++i) plan.run();
    return plan.scalar("loss");
  };
  const double fused = loss_after_steps({.threads = 1});
  EXPECT_TRUE(std::isfinite(fused));
  EXPECT_EQ(fused, loss_after_steps({.threads = 1, .off = {"fuse", "named"}}));
}

}  // namespace
}  // namespace latent
