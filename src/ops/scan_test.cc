// Scans: gradients, the same calls for any length, carries that change places, samples written.
#include <gtest/gtest.h>

#include "ops/test_differences.h"

namespace latent {
namespace {

/// A GRU-like cell by scan: h' = (1 - z) n + z h.
struct Gru {
  Expr x, loss;
  std::vector<Expr> d;
  Gru(Graph& g, int64_t length, int64_t n, int64_t in, int64_t units) {
    x = g.feed("x", {length, n, in});
    const Expr h0 = g.feed("h", {n, units}), wx = g.feed("wx", {in, 2 * units}),
               wh = g.feed("wh", {units, 2 * units}), b = g.feed("b", {2 * units});
    const ScanResult r = scan(g, length, {h0}, {x}, [&](const ScanStep& s) -> ScanYield {
      const std::vector<Expr> gates =
          split(matmul(s.inputs[0], wx) + matmul(s.carries[0], wh) + b, 2);
      const Expr z = sigmoid(gates[0]);
      const Expr h = (1 - z) * tanh(gates[1]) + z * s.carries[0];
      return {{h}, {h}};
    });
    loss = sum(square(r.carries[0])) + sum(r.outputs[0] * 0.3);
    g.fetch("loss", loss);
    d = grad(loss, {x, h0, wx, wh, b});
    const char* names[] = {"dx", "dh", "dwx", "dwh", "db"};
    for (size_t i = 0; i < d.size(); ++i) g.fetch(names[i], d[i]);
  }
};

TEST(Scan, GradientOfACell) {
  Graph g;
  const Gru gru(g, 5, 2, 3, 4);
  check(g, {{"x", 30}, {"h", 8}, {"wx", 24}, {"wh", 32}, {"b", 8}}, 1e-6);
}

TEST(Scan, GradientOfAScanWithinAScan) {
  for (const bool from_weight : {false, true}) {
    Graph g;
    const Expr x = g.feed("x", {2, 3}), w = g.feed("w", {3, 3}), seq = g.feed("seq", {4, 2, 3});
    const ScanResult r = scan(g, 4, {x}, {seq}, [&](const ScanStep& s) -> ScanYield {
      const Expr h = s.carries[0] * s.inputs[0];
      const ScanResult inner = scan(
          h.graph(), 3, {from_weight ? matmul(h, w) : h}, {}, [&](const ScanStep& t) -> ScanYield {
            const Expr next = tanh(matmul(t.carries[0], w) + s.inputs[0] * 0.3);
            return {{next}, {square(next)}};
          });
      return {{inner.carries[0] * s.carries[0] + 0.2}, {sum(inner.outputs[0], {0})}};
    });
    const Expr loss = sum(square(r.carries[0])) + sum(r.outputs[0] * 0.3);
    g.fetch("loss", loss);
    const std::vector<Expr> d = grad(loss, {x, w, seq});
    const char* names[] = {"dx", "dw", "dseq"};
    for (size_t i = 0; i < d.size(); ++i) g.fetch(names[i], d[i]);
    check(g, {{"x", 6}, {"w", 9}, {"seq", 24}}, 1e-6);
    Slots slots;
    Plan plan(g, slots, {.threads = 2, .verify = true});
    Reference reference(g);
    uint64_t seed = 1;
    for (const char* name : {"x", "w", "seq"}) {
      const std::vector<double> v = draw(static_cast<int64_t>(plan.feed(name).size()), ++seed);
      std::copy(v.begin(), v.end(), plan.feed(name).begin());
      reference.set(name, v);
    }
    plan.run();
    reference.run();
    for (const char* name : names) {
      const std::vector<double>& expected = reference.fetch(name);
      for (size_t i = 0; i < expected.size(); ++i)
        EXPECT_NEAR(static_cast<double>(plan.fetch(name)[i]), expected[i], 1e-4) << name << i;
    }
  }
}

TEST(Scan, PlanAgreesWithReferenceAndCallsDoNotGrowWithLength) {
  size_t calls[2], nodes[2];
  for (int k = 0; k < 2; ++k) {
    const int64_t length = k ? 512 : 8;
    Graph g;
    const Gru gru(g, length, 4, 3, 5);
    Slots slots;
    Plan plan(g, slots, {.threads = 2, .verify = true});
    calls[k] = plan.stats().calls;
    nodes[k] = plan.stats().nodes;
    if (k) continue;
    Reference r(g);
    uint64_t seed = 1;
    for (const char* name : {"x", "h", "wx", "wh", "b"}) {
      const std::vector<double> v = draw(static_cast<int64_t>(plan.feed(name).size()), ++seed);
      std::copy(v.begin(), v.end(), plan.feed(name).begin());
      r.set(name, v);
    }
    plan.run();
    r.run();
    for (const char* name : {"loss", "dx", "dh", "dwx", "dwh", "db"}) {
      const auto y = plan.fetch(name);
      const auto expected = r.fetch(name);
      for (size_t i = 0; i < y.size(); ++i)
        EXPECT_NEAR(static_cast<double>(y[i]), expected[i], 1e-4) << name << i;
    }
  }
  EXPECT_EQ(calls[0], calls[1]);
  EXPECT_EQ(nodes[0], nodes[1]);
}

TEST(Scan, SwapsCarriesCountsAndWritesSamples) {
  Graph g;
  const Expr a = g.feed("a", {2}), b = g.feed("b", {2}), out = g.feed("out", {3, 2});
  const ScanResult r = scan(g, 3, {a, b, out}, {}, [&](const ScanStep& s) -> ScanYield {
    const Expr next = s.carries[0] + cast(s.iteration, DType::f32);
    return {{s.carries[1], next, dynamic_update(s.carries[2], s.iteration, next)}, {s.carries[0]}};
  });
  g.fetch("a3", r.carries[0]);
  g.fetch("b3", r.carries[1]);
  g.fetch("samples", r.carries[2]);
  g.fetch("trace", r.outputs[0]);
  Slots slots;
  Plan plan(g, slots, {.threads = 1});
  plan.feed("a")[0] = 10;
  plan.feed("b")[0] = 20;
  plan.run();
  // (10, 20) -> (20, 10) -> (10, 21) -> (21, 12)
  EXPECT_EQ(plan.fetch("a3")[0], 21);
  EXPECT_EQ(plan.fetch("b3")[0], 12);
  EXPECT_EQ(plan.fetch("samples")[0], 10);
  EXPECT_EQ(plan.fetch("samples")[2], 21);
  EXPECT_EQ(plan.fetch("samples")[4], 12);
  EXPECT_EQ(plan.fetch("trace")[2], 20);
}

TEST(Scan, SecondDerivativeIsRefused) {
  Graph g;
  const Gru gru(g, 3, 1, 1, 1);
  EXPECT_THROW(grad(sum(square(gru.d[0])), {gru.x}), UsageError);
}

}  // namespace
}  // namespace latent
