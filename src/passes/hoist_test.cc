// Loop-invariant work leaves a scan, forward and backward, and every result keeps its bits.
#include <gtest/gtest.h>

#include <cmath>

#include "ir/op.h"
#include "latent/latent.h"
#include "passes/pass.h"

namespace latent::passes {
namespace {

/// Operations called `op` in the bodies of the scans of a program.
int inside(const ir::Program& program, const std::string& op) {
  int count = 0;
  for (const ir::Node& n : program.nodes) {
    if (!n.body) continue;
    const std::vector<bool> live = n.body->program().live();
    for (size_t i = 0; i < live.size(); ++i)
      count += live[i] && n.body->program().nodes[i].op->name == op;
    count += inside(n.body->program(), op);
  }
  return count;
}

/// The same in bodies inside bodies only.
int innermost(const ir::Program& program, const std::string& op) {
  int count = 0;
  for (const ir::Node& n : program.nodes) {
    if (n.body) count += inside(n.body->program(), op);
  }
  return count;
}

/// h' = tanh(h ((a k) b) + exp(c k)) + noise, 6 times, k = 0, 1, .. made inside the loop, with the
/// gradients of its sum. (What is written on Exprs of the outer graph alone never enters a body.)
struct Loop {
  Graph g;
  Loop() {
    const Expr a = g.feed("a", {4, 3}), b = g.feed("b", {3, 4}), c = g.feed("c", {4});
    const Expr h0 = g.feed("h", {5, 4});
    const ScanResult r = scan(g, 6, {h0}, {}, [&](const ScanStep& step) -> ScanYield {
      Graph& body = step.carries[0].graph();
      const auto count = [&](int64_t n) { return cast(iota(body, n), DType::f32); };
      const Expr w = matmul(a * count(3), b), shift = exp(c * count(4));
      const Expr noise = 0.1 * normal(Scope(body, true) / "noise", {5, 4});
      const Expr h = tanh(matmul(step.carries[0], w) + shift) + noise;
      return {{h}, {h, shift}};
    });
    const Expr loss = sum(r.carries[0]) + sum(square(r.outputs[0])) + sum(r.outputs[1]);
    g.fetch("loss", loss);
    g.fetch("outputs", r.outputs[0]);
    const std::vector<Expr> d = grad(loss, {a, b, c});
    for (size_t i = 0; i < 3; ++i) g.fetch("d" + std::to_string(i), d[i]);
  }
};

TEST(Hoist, InvariantWorkLeavesTheLoops) {
  Loop loop;
  const ir::Program& before = loop.g.program();
  const ir::Program after = hoist(before);
  verify(after, "hoist");
  // Forward: exp, (a k) b and h W; backward: exp, (a k) b again, dy W', h' dy, dW b', (a k)' dW.
  EXPECT_EQ(inside(before, "exp"), 2);
  EXPECT_EQ(inside(after, "exp"), 0);
  EXPECT_EQ(inside(before, "matmul"), 7);
  EXPECT_EQ(inside(after, "matmul"), 5);
  EXPECT_EQ(inside(after, "iota"), 0);
  EXPECT_EQ(inside(after, "random_normal"), inside(before, "random_normal"));
}

TEST(Hoist, OutOfNestedLoops) {
  Graph g;
  const Expr c = g.feed("c", {2});
  const ScanResult outer = scan(g, 3, {g.feed("h", {2})}, {}, [&](const ScanStep& s) -> ScanYield {
    Graph& body = s.carries[0].graph();
    const ScanResult inner = scan(body, 4, {s.carries[0]}, {}, [&](const ScanStep& t) -> ScanYield {
      const Expr k = cast(iota(t.carries[0].graph(), 2), DType::f32);
      return {{t.carries[0] * 0.5 + exp(c * k) + sin(s.carries[0] + k)}, {}};
    });
    return {{inner.carries[0]}, {}};
  });
  g.fetch("y", outer.carries[0]);
  const ir::Program after = hoist(g.program());
  EXPECT_EQ(inside(after, "exp"), 0);
  EXPECT_EQ(inside(after, "sin"), 1);
  EXPECT_EQ(innermost(after, "sin"), 0);  // it stands in the outer body, whose carry it reads
  Slots slots;
  Plan plan(g, slots, {.threads = 1, .verify = true});
  plan.feed("h")[0] = 0.25f;
  plan.run();
  double h = 0.25;
  for (int i = 0; i < 3; ++i) {
    const double start = h;
    for (int k = 0; k < 4; ++k) h = h * 0.5 + 1 + std::sin(start);
  }
  EXPECT_NEAR(plan.fetch("y")[0], h, 1e-5);
}

TEST(Hoist, KeepsEveryBitAndSparesWork) {
  Loop loop;
  std::map<std::string, std::vector<float>> found[2];
  PlanStats stats[2];
  for (int on = 0; on < 2; ++on) {
    Slots slots;
    CompileOptions options{.threads = 1, .verify = true};
    if (!on) options.off = {"hoist"};
    Plan plan(loop.g, slots, options);
    for (const char* name : {"a", "b", "c", "h"}) {
      auto v = plan.feed(name);
      for (size_t i = 0; i < v.size(); ++i)
        v[i] = static_cast<float>((i * 37 + name[0]) % 17) / 20 - 0.4f;
    }
    plan.run();
    for (const char* name : {"loss", "outputs", "d0", "d1", "d2"})
      found[on][name].assign(plan.fetch(name).begin(), plan.fetch(name).end());
    stats[on] = plan.stats();
  }
  EXPECT_EQ(found[0], found[1]);
  EXPECT_LT(stats[1].flops, stats[0].flops);
}

}  // namespace
}  // namespace latent::passes
