// Mistakes that users make: each a UsageError that names this file and says what was found.
#include <gtest/gtest.h>

#include "latent/latent.h"

namespace latent {
namespace {

/// Runs f, which must throw a UsageError whose text holds all of `pieces`.
void refused(const std::function<void()>& f, const std::vector<std::string>& pieces) {
  try {
    f();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const UsageError& e) {
    for (const std::string& p : pieces)
      EXPECT_NE(std::string(e.what()).find(p), std::string::npos) << e.what() << "\nlacks " << p;
  }
}

TEST(Misuse, ShapesThatDoNotFit) {
  Graph g;
  const Expr a = g.feed("a", {64, 784}), b = g.feed("b", {400, 784}), c = g.feed("c", {3});
  refused([&] { matmul(a, b); },
          {"matmul", "[64,784]", "[400,784]", "transpose_b", "misuse_test.cc:"});
  refused([&] { a + c; }, {"add", "[64,784]", "[3]", "misuse_test.cc:"});
  refused([&] { reshape(a, {5}); }, {"reshape", "misuse_test.cc:"});
  refused([&] { sum(a, {2}); }, {"axis 2", "misuse_test.cc:"});
  refused([&] { gather(a, a); }, {"i32", "misuse_test.cc:"});
  refused([&] { exp(2.0); }, {"needs an Expr", "misuse_test.cc:"});
  refused([&] { exp(Expr{}); }, {"Expr"});
}

TEST(Misuse, Feeds) {
  Graph g;
  const Expr x = g.feed("pixels", {4});
  refused([&] { g.feed("pixels", {4}); }, {"already declared", "misuse_test.cc:"});
  g.fetch("y", sum(x));
  Slots slots;
  Plan plan(g, slots, {.threads = 1});
  refused([&] { plan.feed("pixel"); }, {"did you mean \"pixels\""});
  refused([&] { plan.feed<int32_t>("pixels"); }, {"f32", "i32"});
  const std::vector<float> three(3);
  refused([&] { plan.feed("pixels", std::span<const float>(three)); }, {"4 elements", "got 3"});
  refused([&] { plan.fetch("z"); }, {"no fetch"});
}

TEST(Misuse, Gradients) {
  Graph g;
  const Expr x = g.feed("x", {3, 4}), other = g.feed("other", {2});
  refused([&] { grad(x * 2, {x}); }, {"must be a scalar", "misuse_test.cc:"});
  refused([&] { grad(sum(x), {other}); }, {"does not depend", "misuse_test.cc:"});
  const Expr at = reshape(iota(g, 1), {});
  refused([&] { grad(sum(dynamic_update(x, at, slice(reshape(x, {12}), 0, 0, 4))), {x}); },
          {"dynamic_update", "misuse_test.cc:"});
}

TEST(Misuse, SlotsAndScopes) {
  Graph g;
  const Expr s = g.slot("s", {2}, zeros());
  g.assign(s, s + 1);
  refused([&] { g.assign(s, s + 2); }, {"already assigned", "misuse_test.cc:"});
  refused([&] { g.assign(s + 1, s); }, {"not a slot"});
  const Expr t = g.slot("t", {2}, zeros());
  refused([&] { g.assign(t, sum(t)); }, {"[2]", "[]"});
  const Scope scope(g, true);
  const Expr x = g.feed("x", {1, 3});
  dense(scope / "a", x, 2);
  refused([&] { dense(scope / "a", x, 2); }, {"a/weight", "already declared", "misuse_test.cc:"});
  std::vector<Expr> shared;
  for (int i = 0; i < 2; ++i) shared.push_back(dense(scope / "b", x, 3));
  EXPECT_EQ(g.slots("b").size(), 2u);  // one weight, one bias
}

TEST(Misuse, OtherGraphs) {
  Graph g, h;
  const Expr x = g.feed("x", {2}), y = h.feed("y", {2});
  refused([&] { x + y; }, {"another graph", "misuse_test.cc:"});
  refused([&] { g.fetch("y", y); }, {"another graph"});
}

TEST(Misuse, Plans) {
  Graph g;
  Slots slots;
  refused([&] { Plan(g, slots); }, {"nothing to run"});
  g.fetch("x", sum(g.feed("x", {1000, 1000}) * 2));
  refused([&] { Plan(g, slots, {.off = {"fusee"}}); }, {"did you mean \"fuse\""});
  refused([&] { Plan(g, slots, {.memory_limit = 1000}); }, {"MiB"});
  refused([&] { PlanFamily(slots, [](Graph&, int64_t) {}).at(0); }, {"at least one row"});
}

}  // namespace
}  // namespace latent
