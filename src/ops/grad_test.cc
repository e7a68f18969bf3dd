// Gradients of whole expressions: second order, broadcasts, estimators.
#include <gtest/gtest.h>

#include "ops/test_differences.h"

namespace latent {
namespace {

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

}  // namespace
}  // namespace latent
