// Cells: gradients in double against differences, one step written out, padding, what misuse is
// told, the same bits for any number of threads.
#include "latent/recurrent.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/test_differences.h"

namespace latent {
namespace {

/// A cell run over `length` elements, of which `rows` of the n rows lack the last two; every feed
/// is a parameter or an input, so that differences can be taken in each.
struct Traced {
  std::vector<std::pair<std::string, int64_t>> feeds;
  Traced(Graph& g, const std::string& kind, int64_t length, int64_t n, int64_t in, int64_t units,
         int64_t rows) {
    const Scope s(g, true);
    const Cell cell(s / "cell", kind, in, units);
    const Expr x = feed(g, "x", {length, n, in}), h = feed(g, "h", {n, units});
    const auto number = [&](int64_t count, Shape shape) {
      return reshape(cast(iota(g, count), DType::f32), shape);
    };
    const Expr late = greater_equal(number(length, {length, 1, 1}), length - 2),
               kept = greater_equal(number(n, {1, n, 1}), rows);
    const Expr mask = max(1 - late, kept);
    const Expr projected =
        reshape(cell.project(reshape(x, {length * n, in})), {length, n, cell.gates() * units});
    const Unrolled u = unroll(cell, projected, cell.start(h), mask);
    Expr loss = sum(sin(u.outputs * 3));
    for (const Expr& last : u.last) loss = loss + sum(square(last));
    g.fetch("loss", loss);
    g.fetch("outputs", u.outputs);
    std::vector<Expr> wanted{x, h};
    std::vector<std::string> names{"x", "h"};
    for (const Expr& w : g.slots("")) {
      wanted.push_back(w);
      names.push_back(g.name_of(w));
    }
    const std::vector<Expr> d = grad(loss, wanted);
    for (size_t i = 0; i < d.size(); ++i) g.fetch("d" + names[i], d[i]);
    for (size_t i = 2; i < names.size(); ++i)
      feeds.emplace_back(names[i], wanted[i].shape().elements());
  }

 private:
  Expr feed(Graph& g, const std::string& name, Shape shape) {
    feeds.emplace_back(name, shape.elements());
    return g.feed(name, shape);
  }
};

TEST(Cell, GradientsAgreeWithDifferences) {
  for (const char* kind : {"gru", "lstm"}) {
    for (const int64_t length : {8, 21}) {
      Graph g;
      const Traced run(g, kind, length, 2, 3, 4, 1);
      SCOPED_TRACE(std::string(kind) + " of length " + std::to_string(length));
      check(g, run.feeds, 1e-6);
    }
  }
}

double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }

TEST(Cell, OneStepIsWhatThePapersSay) {
  // One input, one unit: every number by hand.
  for (const bool lstm : {false, true}) {
    Graph g;
    const Scope s(g, false);
    const Cell cell(s / "cell", lstm ? "lstm" : "gru", 1, 1);
    CellState state{g.feed("h", {1, 1})};
    if (lstm) state.push_back(g.feed("c", {1, 1}));
    const CellState next = cell.step(cell.project(g.feed("x", {1, 1})), state);
    g.fetch("next", next[0]);
    Slots slots;
    const auto set = [&](const char* name, const Shape& shape, std::vector<float> v) {
      Tensor t(shape);
      std::ranges::copy(v, t.span<float>().begin());
      slots.set(name, std::move(t));
    };
    const double x = 0.7, h = -0.4, c = 0.9;
    double expected = 0;
    if (lstm) {
      set("cell/weight", {1, 4}, {0.1f, 0.2f, 0.3f, 0.4f});
      set("cell/bias", {4}, {0.01f, 0.02f, 0.03f, 0.04f});
      set("cell/state_weight", {1, 4}, {-0.5f, 0.6f, 0.7f, -0.8f});
      const double i = sigmoid_of(0.1 * x + 0.01 - 0.5 * h),
                   f = sigmoid_of(0.2 * x + 0.02 + 0.6 * h),
                   o = sigmoid_of(0.4 * x + 0.04 - 0.8 * h);
      expected = o * std::tanh(f * c + i * std::tanh(0.3 * x + 0.03 + 0.7 * h));
    } else {
      set("cell/weight", {1, 3}, {0.1f, 0.2f, 0.3f});
      set("cell/bias", {3}, {0.01f, 0.02f, 0.03f});
      set("cell/state_weight", {1, 3}, {-0.5f, 0.6f, 0.7f});
      set("cell/state_bias", {1}, {0.05f});
      const double r = sigmoid_of(0.1 * x + 0.01 - 0.5 * h),
                   u = sigmoid_of(0.2 * x + 0.02 + 0.6 * h);
      expected = u * h + (1 - u) * std::tanh(0.3 * x + 0.03 + r * (0.7 * h + 0.05));
    }
    Plan plan(g, slots, {.threads = 1});
    plan.feed("x")[0] = static_cast<float>(x);
    plan.feed("h")[0] = static_cast<float>(h);
    if (lstm) plan.feed("c")[0] = static_cast<float>(c);
    plan.run();
    EXPECT_NEAR(plan.scalar("next"), expected, 1e-6) << lstm;
  }
}

TEST(Cell, ForgetsNothingAtFirst) {
  Graph g;
  const Cell cell(Scope(g, true) / "cell", "lstm", 2, 3);
  g.fetch("bias", g.slots("cell/bias")[0]);
  Slots slots;
  Plan plan(g, slots, {.threads = 1});
  plan.run();
  const auto bias = plan.fetch("bias");
  EXPECT_EQ(std::vector<float>(bias.begin(), bias.end()),
            (std::vector<float>{0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0}));
}

/// Everything that a plan of Traced fetches, one list.
std::vector<float> run_plan(const std::string& kind, int threads, int64_t rows, float late = 0) {
  Graph g;
  const int64_t length = 16, n = 64, in = 8, units = 64;
  const Traced run(g, kind, length, n, in, units, rows);
  Slots slots(7);
  Plan plan(g, slots, {.threads = threads});
  for (const char* name : {"x", "h"}) {
    const auto v = draw(std::ssize(plan.feed(name)), name[0]);
    std::ranges::copy(v, plan.feed(name).begin());
  }
  for (float& v : plan.feed("x").last(2 * n * in)) v += late;
  plan.run();
  std::vector<float> all;
  for (const char* name : {"outputs", "dx", "dh", "dcell/weight", "dcell/state_weight"}) {
    const auto v = plan.fetch(name);
    all.insert(all.end(), v.begin(), v.end());
  }
  return all;
}

TEST(Unroll, SameBitsForAnyNumberOfThreads) {
  for (const char* kind : {"gru", "lstm"}) {
    const std::vector<float> one = run_plan(kind, 1, 7);
    for (const int threads : {2, 4, 8})
      EXPECT_EQ(run_plan(kind, threads, 7), one) << kind << threads;
  }
}

TEST(Unroll, WhatIsMaskedChangesNothing) {
  for (const char* kind : {"gru", "lstm"}) {
    const std::vector<float> masked = run_plan(kind, 1, 64), other = run_plan(kind, 1, 64, 5);
    // The state stays as it was: outputs, and gradients but for the masked inputs' own, which are
    // 0.
    EXPECT_EQ(masked, other) << kind;
    EXPECT_NE(run_plan(kind, 1, 63), run_plan(kind, 1, 63, 5)) << kind;
  }
}

TEST(Cell, MisuseIsToldSo) {
  Graph g;
  const Scope s(g, true);
  EXPECT_THROW(Cell(s / "a", "grru", 2, 3), UsageError);
  EXPECT_THROW(Cell(s / "b", "gru", 0, 3), UsageError);
  const Cell cell(s / "c", "gru", 2, 3);
  EXPECT_THROW(unroll(cell, g.feed("x", {4, 2, 8}), cell.start(g, 2)), UsageError);
}

}  // namespace
}  // namespace latent
