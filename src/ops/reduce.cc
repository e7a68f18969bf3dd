// Sums and maxima over contiguous axes, argmax and argmin, and the compositions on them. Order of
// sums: kernels/reduce.h.
#include <algorithm>
#include <functional>
#include <limits>

#include "ops/family.h"

namespace latent {
namespace ops {

namespace {

ResultType without_axes(const TypeContext& c) {
  expect_type(c, 0, DType::f32);
  const int64_t first = c.attrs.integer("first"), count = c.attrs.integer("count");
  const Shape& x = c.shapes[0];
  if (first < 0 || count < 1 || first + count > x.rank()) c.refuse("no such axes in " + x.text());
  return {without(x, static_cast<int>(first), static_cast<int>(count)), DType::f32};
}

/// y [outer, inner] of a reduction, or its cotangent, repeated over the reduced axes: the shape of
/// the operand.
Expr spread(Expr y, const Back& b) {
  const Shape& x = b.x(0).shape();
  Shape kept = x;
  const auto first = static_cast<int>(b.attrs().integer("first"));
  std::fill_n(&kept[first], b.attrs().integer("count"), 1);
  return broadcast_to(reshape(y, kept), x);
}

template <class Combine>
ir::TensorReference reduce_reference(double start, Combine combine) {
  return [start, combine](const RefCall& c) {
    const Split3 s = split_at(c.in[0]->shape, static_cast<int>(c.node.attrs.integer("first")),
                              static_cast<int>(c.node.attrs.integer("count")));
    for (int64_t o = 0; o < s.outer; ++o) {
      for (int64_t i = 0; i < s.inner; ++i) {
        double v = start;
        for (int64_t m = 0; m < s.mid; ++m)
          v = combine(v, c.in[0]->v[static_cast<size_t>((o * s.mid + m) * s.inner + i)]);
        c.out.v[static_cast<size_t>(o * s.inner + i)] = v;
      }
    }
  };
}

Attrs axes(int64_t first, int64_t count) { return {{"first", first}, {"count", count}}; }

Op reduction(const char* name, const char* doc, ir::GradRule grad, ir::Kernel kernel,
             ir::TensorReference reference) {
  return {.name = name,
          .doc = doc,
          .in = {"x"},
          .attrs = {{"first", AttrKind::integer}, {"count", AttrKind::integer}},
          .kind = Kind::reduction,
          .type = without_axes,
          .grad = std::move(grad),
          .kernel = std::move(kernel),
          .reference = std::move(reference),
          .domain = {.cases = {{{{7}}, axes(0, 1)},
                               {{{3, 37}}, axes(1, 1)},
                               {{{41, 5}}, axes(0, 1)},
                               {{{2, 3, 5}}, axes(1, 1)},
                               {{{2, 3, 5}}, axes(1, 2)},
                               {{{4, 1, 1}}, axes(1, 2)},
                               {{{70, 3}}, axes(0, 1)},
                               {{{37, 1}}, axes(0, 1)},
                               {{{9, 5, 3}}, axes(0, 2)},
                               {{{9, 4, 1}}, axes(0, 2)}}}};
}

/// The first element of the last axis that is `worse` than no other.
template <class Worse>
Op arg_op(const char* name, const char* doc, Worse worse) {
  return {.name = name,
          .doc = doc,
          .in = {"x"},
          .attrs = {},
          .kind = Kind::general,
          .type = [](const TypeContext& c) -> ResultType {
            expect_type(c, 0, DType::f32);
            const Shape& x = c.shapes[0];
            if (x.rank() == 0 || x[x.rank() - 1] == 0)
              c.refuse("needs a last axis with elements, found " + x.text());
            return {without(x, x.rank() - 1), DType::i32};
          },
          .grad =
              ir::NoGradient{
                  "it gives an index; use a straight-through estimator: z + stop_gradient(q - z)"},
          .kernel = ir::BindFn([name, worse](const ir::BindContext& c) {
            const int64_t rows = c.node.shape.elements(),
                          cols = c.in[0]->shape[c.node.shape.rank()];
            const int parts = kernels::parts_for(rows * cols, 65536);
            return rows_call(name, rows, parts, [=](void* const* p, int64_t begin, int64_t end) {
              for (int64_t r = begin; r < end; ++r) {
                const float* x = static_cast<const float*>(p[1]) + r * cols;
                static_cast<int32_t*>(p[0])[r] =
                    static_cast<int32_t>(std::max_element(x, x + cols, worse) - x);
              }
            });
          }),
          .reference = ir::TensorReference([worse](const RefCall& c) {
            const int64_t cols = c.in[0]->shape[c.out.shape.rank()];
            const double* x = c.in[0]->v.data();
            for (double& best : c.out.v) {
              best = static_cast<double>(std::max_element(x, x + cols, worse) - x);
              x += cols;
            }
          }),
          .domain = {.cases = {{{{3, 7}}, {}, {}}, {{{5}}, {}, {}}, {{{2, 3, 4}}, {}, {}}}}};
}

/// One reduction over the axes (all when none are given), from the last run of neighbouring axes to
/// the first.
Expr reduce(const char* op, Arg x, const Axes& wanted, bool keep) {
  const Where where = ir::current_where(x.where());
  At at(where);
  if (x.is_number()) throw UsageError(std::string(op) + ": needs an Expr", where);
  const Expr e = x.expr();
  const int rank = e.shape().rank();
  std::vector<bool> gone(static_cast<size_t>(rank), wanted.empty());
  Shape kept = e.shape();
  for (int a : wanted) {
    const auto i = static_cast<size_t>(checked_axis(op, a, x));
    if (gone[i])
      throw UsageError(std::string(op) + ": axis " + std::to_string(a) + " is named twice", where);
    gone[i] = true;
  }
  Expr y = e;
  for (int last = rank - 1; last >= 0; --last) {
    if (!gone[static_cast<size_t>(last)]) continue;
    int first = last;
    // When all axes go, the first is summed by itself: rows in parallel, then one short column; the
    // order is part of the result. A run of leading axes alone is one long column.
    const int lowest = last == rank - 1 ? 1 : 0;
    while (first > lowest && gone[static_cast<size_t>(first - 1)]) --first;
    y = apply(op, {y}, axes(first, last - first + 1));
    for (; last > first; --last) kept[last] = 1;
    kept[first] = 1;
  }
  return keep ? reshape(y, kept) : y;
}

}  // namespace

void add_reduce_ops(std::vector<Op>& table) {
  table.push_back(reduction(
      "reduce_sum", "Sum over `count` axes from `first`.",
      [](const Back& b) { return std::vector{spread(b.dy, b)}; }, ir::SumKernel{},
      reduce_reference(0, [](double a, double b) { return a + b; })));
  const auto share_maximum = [](const Back& b) {
    const Expr hit = equal(b.x(0), spread(b.y(), b));
    return std::vector{hit * spread(b.dy / apply("reduce_sum", {hit}, b.attrs()), b)};
  };
  table.push_back(reduction("reduce_max",
                            "Maximum over `count` axes from `first`; equals share the gradient.",
                            share_maximum, ir::MaxKernel{},
                            reduce_reference(-std::numeric_limits<double>::infinity(),
                                             [](double a, double b) { return std::max(a, b); })));
  table.push_back(arg_op("argmax",
                         "Index of the largest element of the last axis, the first of equals.",
                         std::less<>()));
  table.push_back(arg_op("argmin",
                         "Index of the smallest element of the last axis, the first of equals.",
                         std::greater<>()));
}

}  // namespace ops

Expr sum(Arg x, const Axes& axes, bool keep) { return ops::reduce("reduce_sum", x, axes, keep); }
Expr max_over(Arg x, const Axes& axes, bool keep) {
  return ops::reduce("reduce_max", x, axes, keep);
}
Expr mean(Arg x, const Axes& axes, bool keep) {
  At at(x.where());
  const Expr s = sum(x, axes, keep);
  const int64_t n = x.expr().shape().elements() / std::max<int64_t>(1, s.shape().elements());
  return s * (1.0 / static_cast<double>(std::max<int64_t>(1, n)));
}
Expr argmax(Arg x) { return ops::apply("argmax", {x}); }
Expr argmin(Arg x) { return ops::apply("argmin", {x}); }

Expr logsumexp(Arg x, int axis, bool keep) {
  At at(x.where());
  const Expr top = stop_gradient(max_over(x, {axis}, true));
  const Expr y = log(sum(exp(sub(x, top)), {axis}, true)) + top;
  return keep ? y : sum(y, {axis});
}
Expr log_softmax(Arg x, int axis) {
  At at(x.where());
  const Expr shifted = sub(x, stop_gradient(max_over(x, {axis}, true)));
  return shifted - log(sum(exp(shifted), {axis}, true));
}
Expr softmax(Arg x, int axis) {
  At at(x.where());
  const Expr e = exp(sub(x, stop_gradient(max_over(x, {axis}, true))));
  return e / sum(e, {axis}, true);
}

}  // namespace latent
