// Constants that are equal are one; all others stay what they are.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "latent/latent.h"

namespace latent {
namespace {

TEST(Simplify, ANaNIsNoOtherConstant) {
  Graph g;
  const Expr x = g.feed("x", {3});
  g.fetch("three", x + 3);
  g.fetch("none", relu(x) * std::numeric_limits<double>::quiet_NaN());
  g.fetch("five", x + 5);
  Slots slots;
  Plan plan(g, slots, {.threads = 1, .verify = true});
  plan.feed("x")[0] = 1;
  plan.run();
  EXPECT_EQ(plan.fetch("three")[0], 4);
  EXPECT_EQ(plan.fetch("five")[0], 6);
  EXPECT_TRUE(std::isnan(plan.fetch("none")[0]));
}

}  // namespace
}  // namespace latent
