// Sums and maxima over contiguous axes, argmax and argmin, and the compositions on them. Order of
// sums: kernels/reduce.h.
#include <algorithm>
#include <limits>

#include "ops/family.h"

namespace latent {
namespace ops {

namespace {

const std::vector<ir::AttrSpec> kAxes = {{"first", ir::AttrKind::integer},
                                         {"count", ir::AttrKind::integer}};

ResultType without_axes(const TypeContext& c) {
  expect_type(c, 0, DType::f32);
  const int64_t first = c.attrs.integer("first"), count = c.attrs.integer("count");
  const Shape& x = c.shapes[0];
  if (first < 0 || count < 1 || first + count > x.rank()) c.refuse("no such axes in " + x.text());
  Shape s;
  for (int i = 0; i < x.rank(); ++i) {
    if (i < first || i >= first + count) s.push_back(x[i]);
  }
  return {s, DType::f32};
}

/// y [outer, inner] of a reduction, or its cotangent, repeated over the reduced axes: the shape of
/// the operand.
Expr spread(Expr y, const Back& b) {
  const Shape& x = b.x(0).shape();
  Shape kept;
  const int64_t first = b.attrs().integer("first"), count = b.attrs().integer("count");
  for (int i = 0; i < x.rank(); ++i) kept.push_back(i < first || i >= first + count ? x[i] : 1);
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

std::vector<Case> reduce_cases() {
  return {{{{7}}, axes(0, 1), {}},       {{{3, 37}}, axes(1, 1), {}},
          {{{41, 5}}, axes(0, 1), {}},   {{{2, 3, 5}}, axes(1, 1), {}},
          {{{2, 3, 5}}, axes(1, 2), {}}, {{{4, 1, 1}}, axes(1, 2), {}},
          {{{70, 3}}, axes(0, 1), {}},   {{{37, 1}}, axes(0, 1), {}},
          {{{9, 5, 3}}, axes(0, 2), {}}, {{{9, 4, 1}}, axes(0, 2), {}}};
}

template <bool largest>
Op arg_op(const char* name, const char* doc) {
  auto better = [](auto a, auto b) { return largest ? a > b : a < b; };
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
            return {Shape(x.dims().first(static_cast<size_t>(x.rank() - 1))), DType::i32};
          },
          .grad = ir::none(
              "it gives an index; use a straight-through estimator: z + stop_gradient(q - z)"),
          .kernel = ir::BindFn([name, better](const ir::BindContext& c) {
            const int64_t cols = c.in[0]->shape[c.in[0]->shape.rank() - 1],
                          rows = c.node.shape.elements();
            kernels::Call call;
            call.kernel = name;
            call.parts = kernels::parts_for(rows * cols, 65536);
            call.run = [rows, cols, better, parts = call.parts](
                           int part, void* const* p, std::byte*, const kernels::RunState&) {
              auto* y = static_cast<int32_t*>(p[0]);
              const auto* x = static_cast<const float*>(p[1]);
              for (int64_t r = rows * part / parts; r < rows * (part + 1) / parts; ++r) {
                int32_t best = 0;
                for (int64_t i = 1; i < cols; ++i) {
                  if (better(x[r * cols + i], x[r * cols + best])) best = static_cast<int32_t>(i);
                }
                y[r] = best;
              }
            };
            return std::vector{call};
          }),
          .reference = ir::TensorReference([better](const RefCall& c) {
            const int64_t cols = c.in[0]->shape[c.in[0]->shape.rank() - 1];
            for (size_t r = 0; r < c.out.v.size(); ++r) {
              const double* x = c.in[0]->v.data() + r * static_cast<size_t>(cols);
              int64_t best = 0;
              for (int64_t i = 1; i < cols; ++i) {
                if (better(x[i], x[best])) best = i;
              }
              c.out.v[r] = static_cast<double>(best);
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
  for (int a : wanted) {
    const auto i = static_cast<size_t>(checked_axis(op, a, rank, where));
    if (gone[i])
      throw UsageError(std::string(op) + ": axis " + std::to_string(a) + " is named twice", where);
    gone[i] = true;
  }
  Shape kept;
  for (int i = 0; i < rank; ++i) kept.push_back(gone[static_cast<size_t>(i)] ? 1 : e.shape()[i]);
  Expr y = e;
  for (int last = rank - 1; last >= 0; --last) {
    if (!gone[static_cast<size_t>(last)]) continue;
    int first = last;
    // When all axes go, the first is summed by itself: rows in parallel, then one short column; the
    // order is part of the result. A run of leading axes alone is one long column.
    const int lowest = last == rank - 1 ? 1 : 0;
    while (first > lowest && gone[static_cast<size_t>(first - 1)]) --first;
    y = apply(op, {y}, axes(first, last - first + 1));
    last = first;
  }
  return keep ? reshape(y, kept) : y;
}

}  // namespace

void add_reduce_ops(std::vector<Op>& table) {
  table.push_back({.name = "reduce_sum",
                   .doc = "Sum over `count` axes from `first`.",
                   .in = {"x"},
                   .attrs = kAxes,
                   .kind = Kind::reduction,
                   .type = without_axes,
                   .grad = {[](const Back& b) { return std::vector{spread(b.dy(), b)}; }, {}},
                   .kernel = ir::SumKernel{},
                   .reference = reduce_reference(0, [](double a, double b) { return a + b; }),
                   .domain = {.cases = reduce_cases()}});
  table.push_back({.name = "reduce_max",
                   .doc = "Maximum over `count` axes from `first`; equals share the gradient.",
                   .in = {"x"},
                   .attrs = kAxes,
                   .kind = Kind::reduction,
                   .type = without_axes,
                   .grad = {[](const Back& b) {
                              const Expr hit = equal(b.x(0), spread(b.y(), b));
                              const int first = static_cast<int>(b.attrs().integer("first"));
                              Axes over;
                              for (int i = 0; i < b.attrs().integer("count"); ++i)
                                over.push_back(first + i);
                              return std::vector{hit * spread(b.dy() / sum(hit, over), b)};
                            },
                            {}},
                   .kernel = ir::MaxKernel{},
                   .reference = reduce_reference(-std::numeric_limits<double>::infinity(),
                                                 [](double a, double b) { return std::max(a, b); }),
                   .domain = {.cases = reduce_cases()}});
  table.push_back(arg_op<true>(
      "argmax", "Index of the largest element of the last axis, the first of equals."));
  table.push_back(arg_op<false>(
      "argmin", "Index of the smallest element of the last axis, the first of equals."));
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
