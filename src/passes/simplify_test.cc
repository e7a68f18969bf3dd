// Constants that are equal are one, all others stay what they are; products in bfloat16.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "latent/latent.h"
#include "passes/pass.h"

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

TEST(Simplify, AProductTakesUpATransposeAndNotAnIdentity) {
  Graph g;
  const Expr x = g.feed("x", {2, 2});
  g.fetch("xx", matmul(transpose(x, {0, 1}), x));
  g.fetch("tx", matmul(transpose(x), x));
  Slots slots;
  Plan plan(g, slots, {.threads = 1, .verify = true});
  for (size_t i = 0; i < 4; ++i) plan.feed("x")[i] = static_cast<float>(i + 1);
  plan.run();
  const float xx[] = {7, 10, 15, 22}, tx[] = {10, 14, 14, 20};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(plan.fetch("xx")[i], xx[i]);
    EXPECT_EQ(plan.fetch("tx")[i], tx[i]);
  }
}

TEST(LowerPrecision, ProductsReadCopiesOfTheirOperands) {
  Graph g;
  g.fetch("y", matmul(g.feed("a", {2, 3}), g.feed("b", {3, 4})));
  const ir::Program after = passes::lower_precision(g.program());
  passes::verify(after, "bf16");
  const ir::Node& product = after.nodes[after.fetches[0].node];
  EXPECT_EQ(product.dtype, DType::f32);
  for (int k = 0; k < 2; ++k) {
    const ir::Node& x = after.nodes[product.in[static_cast<size_t>(k)]];
    EXPECT_EQ(x.dtype, DType::bf16);
    EXPECT_EQ(x.shape, k ? Shape({3, 4}) : Shape({2, 3}));
  }
}

}  // namespace
}  // namespace latent
