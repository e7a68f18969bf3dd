// Rows by index, and the in-place writes of loops. Indexes are i32; one out of range is clamped to
// the nearest row, so that no input can read or write outside a tensor.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "kernels/layout.h"
#include "ops/family.h"

namespace latent {
namespace ops {

namespace {

/// Elements of a row: all axes but the first.
int64_t row_size(const Shape& s) { return split_at(s, 0).inner; }
int64_t clamp_row(double at, int64_t rows) {
  return std::clamp<int64_t>(static_cast<int64_t>(at), 0, rows - 1);
}

Op iota_op() {
  return {.name = "iota",
          .doc = "0, 1, .. n-1 as i32.",
          .in = {},
          .attrs = {{"n", AttrKind::integer}},
          .kind = Kind::general,
          .type = [](const TypeContext& c) -> ResultType {
            return {Shape{c.attrs.integer("n")}, DType::i32};
          },
          .grad = ir::NoGradient{"an index"},
          .kernel = ir::BindFn([](const ir::BindContext& c) {
            return rows_call("iota", c.node.shape[0], 1,
                             [](void* const* p, int64_t begin, int64_t end) {
                               auto* y = static_cast<int32_t*>(p[0]);
                               std::iota(y + begin, y + end, static_cast<int32_t>(begin));
                             });
          }),
          .reference = ir::TensorReference(
              [](const RefCall& c) { std::iota(c.out.v.begin(), c.out.v.end(), 0.0); }),
          .domain = {.cases = {{{}, {{"n", 5}}, {}}}}};
}

Op gather_op() {
  return {
      .name = "gather",
      .doc = "Rows of x by index; out of range reads the nearest row.",
      .in = {"x", "index"},
      .attrs = {},
      .kind = Kind::general,
      .type = [](const TypeContext& c) -> ResultType {
        expect_type(c, 1, DType::i32);
        if (c.shapes[0].rank() < 1 || c.shapes[0][0] == 0 || c.shapes[1].rank() != 1) {
          c.refuse("needs x [n, ...] with rows and index [m]: " + c.shapes[0].text() + ", " +
                   c.shapes[1].text());
        }
        return {stacked(c.shapes[1][0], without(c.shapes[0], 0)), c.dtypes[0]};
      },
      .grad = [](const Back& b) -> std::vector<Expr> {
        return {scatter_add(b.x(1), b.dy, b.x(0).shape()[0]), Expr{}};
      },
      .kernel = ir::BindFn([](const ir::BindContext& c) {
        const size_t bytes = static_cast<size_t>(row_size(c.in[0]->shape)) * size_of(c.node.dtype);
        const int64_t n = c.in[0]->shape[0], m = c.node.shape[0];
        const int parts = kernels::parts_for(m * static_cast<int64_t>(bytes), 65536, m);
        return rows_call("gather", m, parts, [=](void* const* p, int64_t begin, int64_t end) {
          const auto* index = static_cast<const int32_t*>(p[2]);
          for (int64_t i = begin; i < end; ++i) {
            const auto row = static_cast<size_t>(clamp_row(index[i], n));
            std::memcpy(static_cast<std::byte*>(p[0]) + static_cast<size_t>(i) * bytes,
                        static_cast<const std::byte*>(p[1]) + row * bytes, bytes);
          }
        });
      }),
      .reference = ir::TensorReference([](const RefCall& c) {
        const auto size = static_cast<size_t>(row_size(c.out.shape));
        for (size_t i = 0; i < c.out.v.size(); ++i) {
          const auto row = static_cast<size_t>(clamp_row(c.in[1]->v[i / size], c.in[0]->shape[0]));
          c.out.v[i] = c.in[0]->v[row * size + i % size];
        }
      }),
      .domain = {.low = 0,
                 .high = 5,
                 .cases = {{{{5, 3}, {7}}, {}, {DType::f32, DType::i32}},
                           {{{4}, {3}}, {}, {DType::f32, DType::i32}}}}};
}

Op scatter_op() {
  return {
      .name = "scatter_add",
      .doc =
          "Zeros [rows, ...] with values added at rows index, in order; out of range goes to the "
          "nearest row.",
      .in = {"index", "values"},
      .attrs = {{"rows", AttrKind::integer}},
      .kind = Kind::general,
      .type = [](const TypeContext& c) -> ResultType {
        expect_type(c, 0, DType::i32);
        expect_type(c, 1, DType::f32);
        if (c.shapes[0].rank() != 1 || c.shapes[1].rank() < 1 || c.shapes[1][0] != c.shapes[0][0] ||
            c.attrs.integer("rows") < 1) {
          c.refuse("needs index [m], values [m, ...] and rows > 0: " + c.shapes[0].text() + ", " +
                   c.shapes[1].text());
        }
        return {stacked(c.attrs.integer("rows"), without(c.shapes[1], 0)), DType::f32};
      },
      .grad = [](const Back& b) -> std::vector<Expr> {
        return {Expr{}, gather(b.dy, b.x(0))};
      },
      .kernel = ir::BindFn([](const ir::BindContext& c) {
        const int64_t size = row_size(c.node.shape), rows = c.node.shape[0], m = c.in[0]->shape[0];
        // A part has columns of its own, so that every sum keeps its order.
        const int parts = kernels::parts_for(m * size, 1 << 20, size / 16);
        return rows_call("scatter_add", size, parts,
                         [=](void* const* p, int64_t begin, int64_t end) {
                           auto* y = static_cast<float*>(p[0]);
                           const auto* index = static_cast<const int32_t*>(p[1]);
                           const auto* v = static_cast<const float*>(p[2]);
                           for (int64_t i = 0; i < rows; ++i)
                             std::fill_n(y + i * size + begin, end - begin, 0.f);
                           for (int64_t i = 0; i < m; ++i) {
                             float* row = y + clamp_row(index[i], rows) * size;
                             for (int64_t k = begin; k < end; ++k) row[k] += v[i * size + k];
                           }
                         });
      }),
      .reference = ir::TensorReference([](const RefCall& c) {
        const auto size = static_cast<size_t>(row_size(c.out.shape));
        for (size_t i = 0; i < c.in[1]->v.size(); ++i) {
          const auto row = static_cast<size_t>(clamp_row(c.in[0]->v[i / size], c.out.shape[0]));
          c.out.v[row * size + i % size] += c.in[1]->v[i];
        }
      }),
      .domain = {.low = 0,
                 .high = 4,
                 .cases = {{{{7}, {7, 3}}, {{"rows", 4}}, {DType::i32, DType::f32}},
                           {{{3}, {3}}, {{"rows", 5}}, {DType::i32, DType::f32}}}}};
}

Op update_op() {
  return {
      .name = "dynamic_update",
      .doc = "x with x[.., at, ..] on `axis` replaced by value; at is clamped to the range.",
      .in = {"x", "at", "value"},
      .attrs = {{"axis", AttrKind::integer}},
      .kind = Kind::general,
      .type = [](const TypeContext& c) -> ResultType {
        expect_type(c, 1, DType::i32);
        const int axis = axis_of(c.attrs);
        const Shape& x = c.shapes[0];
        if (axis < 0 || axis >= x.rank() || x[axis] == 0 || c.shapes[1].rank() != 0)
          c.refuse("needs x " + x.text() + " with that axis, and a scalar `at`");
        const Shape rest = without(x, axis);
        if (rest != c.shapes[2] || c.dtypes[0] != c.dtypes[2])
          c.refuse("value must be " + rest.text() + ", found " + c.shapes[2].text());
        return {x, c.dtypes[0]};
      },
      .grad = ir::NoGradient{"dynamic_update writes samples; train on whole sequences instead"},
      .kernel = ir::BindFn([](const ir::BindContext& c) {
        const Split3 s = split_at(c.node.shape, axis_of(c.node.attrs));
        const size_t element = size_of(c.node.dtype);
        return rows_call("dynamic_update", s.outer, 1, [=](void* const* p, int64_t, int64_t outer) {
          auto* y = static_cast<std::byte*>(p[0]);
          const size_t run = static_cast<size_t>(s.inner) * element,
                       step = static_cast<size_t>(s.mid) * run;
          if (p[0] != p[1]) std::memcpy(y, p[1], static_cast<size_t>(outer) * step);
          const int64_t at = clamp_row(*static_cast<const int32_t*>(p[2]), s.mid);
          kernels::copy_rows(y + static_cast<size_t>(at) * run, step, p[3], run, outer, run);
        });
      }),
      .reference = ir::TensorReference([](const RefCall& c) {
        const Split3 s = split_at(c.out.shape, axis_of(c.node.attrs));
        c.out.v = c.in[0]->v;
        const int64_t at = clamp_row(c.in[1]->v[0], s.mid);
        for (int64_t o = 0; o < s.outer; ++o) {
          for (int64_t i = 0; i < s.inner; ++i)
            c.out.v[static_cast<size_t>((o * s.mid + at) * s.inner + i)] =
                c.in[2]->v[static_cast<size_t>(o * s.inner + i)];
        }
      }),
      .domain = {
          .low = 0,
          .high = 3,
          .cases = {
              {{{4, 3}, {}, {3}}, {{"axis", 0}}, {DType::f32, DType::i32, DType::f32}},
              {{{2, 4, 3}, {}, {2, 3}}, {{"axis", 1}}, {DType::f32, DType::i32, DType::f32}}}}};
}

}  // namespace

void add_index_ops(std::vector<Op>& table) {
  table.push_back(iota_op());
  table.push_back(gather_op());
  table.push_back(scatter_op());
  table.push_back(update_op());
}

}  // namespace ops

Expr iota(Graph& g, int64_t n, Where where) {
  return ir::apply(g, ir::find_op("iota"), {}, {{"n", n}}, where);
}
Expr gather(Arg x, Arg index) { return ops::apply("gather", {x, index}); }
Expr scatter_add(Arg index, Arg values, int64_t rows) {
  return ops::apply("scatter_add", {index, values}, {{"rows", rows}});
}
Expr one_hot(Arg index, int64_t classes) {
  At at(index.where());
  const Expr i = index.expr();
  return equal(reshape(cast(i, DType::f32), {i.shape().elements(), 1}),
               cast(iota(i.graph(), classes), DType::f32));
}
Expr pick(Arg x, Arg index) {
  At at(x.where());
  return sum(mul(x, one_hot(index, x.expr().dim(-1))), {-1});
}
Expr dynamic_update(Arg x, Arg at, Arg value, int axis) {
  const int64_t a = ops::checked_axis("dynamic_update", axis, x);
  return ops::apply("dynamic_update", {x, at, value}, {{"axis", a}});
}
Expr dynamic_slice(Arg x, Arg at) {
  At where(x.where());
  const Expr row = gather(x, reshape(at, {1}));
  return reshape(row, Shape(row.shape().dims().subspan(1)));
}

}  // namespace latent
