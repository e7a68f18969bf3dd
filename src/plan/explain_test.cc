// What explain says and the stats count: kernels with reasons, loops, memory, the bytes of chains.
#include "plan/explain.h"

#include <gtest/gtest.h>

#include "latent/latent.h"

namespace latent {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Explain, NamesKernelsPartsAndWhyOthersWereRefused) {
  Graph g;
  const Expr x = g.feed("x", {128, 784}), w = g.feed("w", {784, 400}), b = g.feed("b", {400});
  g.fetch("y", relu(matmul(x, w) + b));
  Slots slots;
  const Plan plan(g, slots, {.threads = 1});
  const std::string text = plan.explain();
  EXPECT_TRUE(has(text, "onednn")) << text;
  EXPECT_TRUE(has(text, "not libxsmm: ")) << text;
  EXPECT_TRUE(has(text, " parts")) << text;
  EXPECT_TRUE(has(text, "explain_test.cc:")) << text;
  EXPECT_TRUE(has(text, "memory: ")) << text;
  EXPECT_EQ(plan.stats().flops, 2.0 * 128 * 784 * 400);
}

TEST(Explain, CountsALoopAsOftenAsItRuns) {
  Graph g;
  const Expr w = g.feed("w", {16, 16});
  const ScanResult r = scan(g, 7, {g.feed("h", {8, 16})}, {}, [&](const ScanStep& s) -> ScanYield {
    return {{tanh(matmul(s.carries[0], w))}, {}};
  });
  g.fetch("y", r.carries[0]);
  Slots slots;
  const Plan plan(g, slots, {.threads = 1});
  EXPECT_TRUE(has(plan.explain(), "loop of 7 iterations")) << plan.explain();
  EXPECT_EQ(plan.stats().flops, 7 * 2.0 * 8 * 16 * 16);
}

TEST(Explain, BytesOfChains) {
  // Reads x [64, 100] and a scalar, writes y; the sum over columns lies in one block of rows, the
  // product reads what the chain wrote.
  Graph g;
  const Expr x = g.feed("x", {64, 100}), s = g.feed("s", {});
  const Expr y = exp(x * s);
  g.fetch("y", y);
  g.fetch("p", matmul(y, g.feed("w", {100, 3})));
  Slots slots;
  const PlanStats whole = Plan(g, slots, {.threads = 1}).stats();
  EXPECT_EQ(whole.chain_bytes, 4 * (2 * 6400 + 1));
  EXPECT_EQ(whole.chain_distinct_bytes, whole.chain_bytes);
  // Without fusion the product x s is written and read between two chains, on top.
  const PlanStats apart = Plan(g, slots, {.threads = 1, .off = {"fuse"}}).stats();
  EXPECT_EQ(apart.chain_distinct_bytes, whole.chain_bytes);
  EXPECT_EQ(apart.chain_bytes, whole.chain_bytes + 4 * 2 * 6400);
}

}  // namespace
}  // namespace latent
