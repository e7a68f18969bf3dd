// Tests generated from the op table: every entry is whole, and for each its kernel agrees with the
// double reference, its gradient with central differences, fused with unfused bit for bit, and its
// text with itself.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "ir/op.h"
#include "latent/ops.h"
#include "latent/plan.h"

namespace latent {
namespace {

using ir::Case;
using ir::Kind;
using ir::Op;

bool computes(const Op& op) { return op.kind != Kind::source && op.kind != Kind::control; }

std::vector<Case> cases_of(const Op& op) {
  if (!op.domain.cases.empty()) return op.domain.cases;
  std::vector<Case> cases;
  for (int64_t n : {0, 1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 35, 255, 256, 257, 300, 1000}) {
    cases.push_back({std::vector<Shape>(op.in.size(), Shape{n}), {}, {}});
  }
  return cases;
}

std::vector<double> values(const Op& op, const Shape& shape, DType type, std::mt19937_64& random) {
  std::vector<double> v(static_cast<size_t>(shape.elements()));
  for (double& x : v) {
    bool good = false;
    while (!good) {
      x = std::uniform_real_distribution<double>(op.domain.low, op.domain.high)(random);
      x = static_cast<double>(static_cast<float>(x));
      good = true;
      for (double a : op.domain.avoid) good = good && std::abs(x - a) > 0.05;
    }
    if (type == DType::i32) x = std::floor(x);
  }
  return v;
}

DType type_of(const Case& c, size_t i) { return c.dtypes.empty() ? DType::f32 : c.dtypes[i]; }

/// One node of the op on feeds a0, a1, .., fetched as y, and the weighted sum of a differentiable
/// result as loss.
struct Traced {
  Graph graph;
  std::vector<Expr> in;
  Expr y;
  Traced(const Op& op, const Case& c) {
    for (size_t i = 0; i < c.shapes.size(); ++i)
      in.push_back(graph.feed("a" + std::to_string(i), c.shapes[i], type_of(c, i)));
    y = ir::apply(graph, op, in, c.attrs, Where::here());
    graph.fetch("y", y);
  }
};

void fill(Plan& plan, const std::string& name, const std::vector<double>& v) {
  Tensor& t = plan.feed_tensor(name);
  for (size_t k = 0; k < v.size(); ++k) {
    if (t.dtype() == DType::i32)
      t.span<int32_t>()[k] = static_cast<int32_t>(v[k]);
    else
      t.span<float>()[k] = static_cast<float>(v[k]);
  }
}

std::vector<double> fetched(const Plan& plan, DType type) {
  std::vector<double> v;
  if (type == DType::i32) {
    for (int32_t x : plan.fetch_i32("y")) v.push_back(x);
  } else {
    for (float x : plan.fetch("y")) v.push_back(static_cast<double>(x));
  }
  return v;
}

TEST(OpTable, EntriesAreWhole) {
  for (const Op& op : ir::op_table()) {
    SCOPED_TRACE(op.name);
    EXPECT_NE(std::string(op.doc), "");
    EXPECT_TRUE(op.type);
    if (const auto* none = std::get_if<ir::NoGradient>(&op.grad)) {
      EXPECT_NE(none->reason, "");
    } else {
      EXPECT_TRUE(std::get<ir::GradRule>(op.grad));
    }
    if (!computes(op)) continue;
    EXPECT_FALSE(std::holds_alternative<ir::NoReference>(op.reference));
    if (op.kind == Kind::general || op.kind == Kind::broadcast) {
      EXPECT_TRUE(std::holds_alternative<ir::BindFn>(op.kernel));
    }
    EXPECT_EQ(op.domain.cases.empty(),
              op.kind == Kind::elementwise && std::string_view(op.name) != "cast");
  }
}

TEST(OpTable, KernelsAgreeWithReferencesFusedAndNot) {
  std::mt19937_64 random(1);
  for (const Op& op : ir::op_table()) {
    if (!computes(op)) continue;
    for (const Case& c : cases_of(op)) {
      const Traced t(op, c);
      SCOPED_TRACE(t.graph.text());
      Slots slots;
      Plan fused(t.graph, slots, {.threads = 1, .verify = true});
      Plan plain(t.graph, slots,
                 {.threads = 1, .off = {"simplify", "cse", "fuse", "named", "in_place"}});
      Reference reference(t.graph);
      for (size_t i = 0; i < c.shapes.size(); ++i) {
        const std::string name = "a" + std::to_string(i);
        const std::vector<double> v = values(op, c.shapes[i], type_of(c, i), random);
        fill(fused, name, v);
        fill(plain, name, v);
        reference.set(name, v);
      }
      fused.run();
      plain.run();
      reference.run();
      const std::vector<double> y = fetched(fused, t.y.dtype()), raw = fetched(plain, t.y.dtype()),
                                r = reference.fetch("y");
      ASSERT_EQ(y.size(), r.size());
      for (size_t k = 0; k < y.size(); ++k) {
        EXPECT_EQ(y[k], raw[k]) << k;
        EXPECT_NEAR(y[k], r[k], op.domain.tolerance * std::abs(r[k]) + 1e-6) << k;
      }
    }
  }
}

TEST(OpTable, GradientsAgreeWithDifferences) {
  std::mt19937_64 random(2);
  for (const Op& op : ir::op_table()) {
    if (!computes(op)) continue;
    for (const Case& c : cases_of(op)) {
      Traced t(op, c);
      SCOPED_TRACE(t.graph.text());
      std::vector<size_t> real;
      for (size_t i = 0; i < c.shapes.size(); ++i) {
        if (type_of(c, i) == DType::f32) real.push_back(i);
      }
      int64_t largest = 0;
      for (const Shape& s : c.shapes) largest = std::max(largest, s.elements());
      if (real.empty() || t.y.dtype() != DType::f32 || largest > 40 || largest == 0) continue;
      if (std::string_view(op.name) == "scale_gradient")
        continue;  // its gradient is not its derivative, on purpose
      const Expr weights = t.graph.feed("weights", t.y.shape());
      const Expr loss = sum(t.y * weights);
      t.graph.fetch("loss", loss);
      std::vector<Expr> xs;
      for (size_t i : real) xs.push_back(t.in[i]);
      if (std::holds_alternative<ir::NoGradient>(op.grad)) {
        EXPECT_THROW(grad(loss, xs), UsageError);
        continue;
      }
      const std::vector<Expr> dx = grad(loss, xs);
      for (size_t k = 0; k < dx.size(); ++k) t.graph.fetch("d" + std::to_string(k), dx[k]);
      Reference reference(t.graph);
      std::vector<std::vector<double>> v;
      for (size_t i = 0; i < c.shapes.size(); ++i) {
        v.push_back(values(op, c.shapes[i], type_of(c, i), random));
        reference.set("a" + std::to_string(i), v.back());
      }
      std::vector<double> w(static_cast<size_t>(t.y.shape().elements()));
      for (double& x : w) x = std::uniform_real_distribution<double>(0.5, 1.5)(random);
      reference.set("weights", w);
      reference.run();
      std::vector<std::vector<double>> analytic;
      for (size_t k = 0; k < real.size(); ++k)
        analytic.push_back(reference.fetch("d" + std::to_string(k)));
      for (size_t k = 0; k < real.size(); ++k) {
        const std::string name = "a" + std::to_string(real[k]);
        std::vector<double>& x = v[real[k]];
        for (size_t e = 0; e < x.size(); ++e) {
          const double h = 1e-5, old = x[e];
          x[e] = old + h;
          reference.set(name, x);
          reference.run();
          const double up = reference.fetch("loss")[0];
          x[e] = old - h;
          reference.set(name, x);
          reference.run();
          const double down = reference.fetch("loss")[0];
          x[e] = old;
          reference.set(name, x);
          const double difference = (up - down) / (2 * h);
          EXPECT_NEAR(analytic[k][e], difference, 1e-6 * std::max(1.0, std::abs(difference)))
              << name << "[" << e << "]";
        }
      }
    }
  }
}

TEST(OpTable, TextIsItsOwnInverse) {
  for (const Op& op : ir::op_table()) {
    if (!computes(op)) continue;
    const Traced t(op, cases_of(op).back());
    const std::string text = t.graph.text();
    EXPECT_EQ(Graph::parse(text)->text(), text);
  }
}

}  // namespace
}  // namespace latent
