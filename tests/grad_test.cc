// Gradients of whole expressions, in double, against central differences: second order, scans,
// estimators.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "latent/latent.h"

namespace latent {
namespace {

std::vector<double> draw(int64_t n, uint64_t seed, double scale = 0.5) {
  std::mt19937_64 random(seed);
  std::vector<double> v(static_cast<size_t>(n));
  for (double& x : v) x = scale * std::normal_distribution<double>()(random);
  return v;
}

/// Compares the fetch d<name> with differences of the fetch "loss" in the feeds `names`.
void check(const Graph& g, const std::vector<std::pair<std::string, int64_t>>& feeds,
           double tolerance) {
  Reference r(g);
  std::vector<std::vector<double>> v;
  for (size_t i = 0; i < feeds.size(); ++i) {
    v.push_back(draw(feeds[i].second, i + 1));
    r.set(feeds[i].first, v.back());
  }
  r.run();
  std::vector<std::vector<double>> d;
  for (const auto& [name, n] : feeds) d.push_back(r.fetch("d" + name));
  for (size_t i = 0; i < feeds.size(); ++i) {
    for (size_t k = 0; k < v[i].size(); ++k) {
      const double h = 1e-5, old = v[i][k];
      const auto at = [&](double x) {
        v[i][k] = x;
        r.set(feeds[i].first, v[i]);
        r.run();
        return r.fetch("loss")[0];
      };
      const double up = at(old + h), down = at(old - h), difference = (up - down) / (2 * h);
      v[i][k] = old;
      r.set(feeds[i].first, v[i]);
      EXPECT_NEAR(d[i][k], difference, tolerance * std::max(1.0, std::abs(difference)))
          << feeds[i].first << "[" << k << "]";
    }
  }
}

TEST(Grad, OfAGradientsNormThroughTwoTanhLayers) {
  Graph g;
  const Expr x = g.feed("x", {3, 4}), a = g.feed("a", {4, 5}), b = g.feed("b", {5, 2});
  const Expr y = tanh(matmul(tanh(matmul(x, a)), b));
  const Expr loss = sum(square(grad(sum(y), {x})[0]));
  g.fetch("loss", loss);
  const std::vector<Expr> d = grad(loss, {x, a, b});
  g.fetch("dx", d[0]);
  g.fetch("da", d[1]);
  g.fetch("db", d[2]);
  check(g, {{"x", 12}, {"a", 20}, {"b", 10}}, 1e-5);
}

TEST(Grad, SoftmaxAndBroadcasts) {
  Graph g;
  const Expr x = g.feed("x", {3, 4}), r = g.feed("r", {4}), c = g.feed("c", {3, 1});
  const Expr loss =
      sum(square(softmax(x * r + c))) + sum(logsumexp(x - c)) + sum(log_softmax(x, 0) * r);
  g.fetch("loss", loss);
  const std::vector<Expr> d = grad(loss, {x, r, c});
  g.fetch("dx", d[0]);
  g.fetch("dr", d[1]);
  g.fetch("dc", d[2]);
  check(g, {{"x", 12}, {"r", 4}, {"c", 3}}, 1e-6);
}

TEST(Grad, ScaleGradient) {
  Graph g;
  const Expr x = g.feed("x", {2});
  g.fetch("stopped", grad(sum(x * stop_gradient(x)), {x})[0]);
  g.fetch("reversed", grad(sum(square(scale_gradient(x, -1))), {x})[0]);
  g.fetch("weighted", grad(sum(scale_gradient(x, square(x))), {x})[0]);
  Reference r(g);
  r.set("x", {3, -2});
  r.run();
  EXPECT_EQ(r.fetch("stopped"), (std::vector<double>{3, -2}));
  EXPECT_EQ(r.fetch("reversed"), (std::vector<double>{-6, 4}));
  EXPECT_EQ(r.fetch("weighted"), (std::vector<double>{9, 4}));
}

TEST(Grad, StraightThrough) {  // pitfall 21: dL/dz_e equals dL/dz_q exactly
  Graph g;
  const Expr z = g.feed("z", {4, 2}), book = g.feed("book", {3, 2}), w = g.feed("w", {4, 2});
  const Expr distance = sum(square(reshape(z, {4, 1, 2}) - reshape(book, {1, 3, 2})), {2});
  const Expr q = gather(book, argmin(distance));
  const Expr st = z + stop_gradient(q - z);
  const Expr loss = sum(square(st) * w);
  g.fetch("dz", grad(loss, {z})[0]);
  g.fetch("dst", grad(loss, {st})[0]);
  Slots slots;
  Plan plan(g, slots, {.threads = 1});
  for (const char* name : {"z", "book", "w"}) {
    const std::vector<double> v = draw(static_cast<int64_t>(plan.feed(name).size()), 5);
    std::copy(v.begin(), v.end(), plan.feed(name).begin());
  }
  plan.run();
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(plan.fetch("dz")[i], plan.fetch("dst")[i]);
}

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
