// Reshape, broadcast, transposition, slices, concatenation, padding: elements move, none is
// computed.
#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "kernels/layout.h"
#include "ops/family.h"

namespace latent {
namespace ops {

namespace {

Ints strides_of(const Shape& s) {
  Ints strides(static_cast<size_t>(s.rank()), 1);
  for (int i = s.rank() - 1; i > 0; --i) {
    const auto at = static_cast<size_t>(i);
    strides[at - 1] = strides[at] * s[i];
  }
  return strides;
}

/// The call that copies elements of a shape between places with strides, cut along the first axis
/// by size. Offsets and strides count elements.
std::vector<kernels::Call> strided_call(const char* name, DType dtype, const Shape& shape, Ints dst,
                                        Ints src, int64_t dst_offset = 0, int64_t src_offset = 0) {
  Ints extents = ints_of(shape);
  if (extents.empty()) extents = dst = src = {1};
  const int parts = kernels::parts_for(shape.elements(), 65536, extents[0]);
  const size_t size = size_of(dtype);
  return rows_call(name, extents[0], parts, [=](void* const* p, int64_t begin, int64_t end) {
    std::array<int64_t, Shape::kMaxRank> piece;
    std::ranges::copy(extents, piece.begin());
    piece[0] = end - begin;
    const auto bytes = static_cast<int64_t>(size);
    kernels::strided_copy(
        static_cast<std::byte*>(p[0]) + (dst_offset + begin * dst[0]) * bytes,
        static_cast<const std::byte*>(p[1]) + (src_offset + begin * src[0]) * bytes, size,
        static_cast<int>(extents.size()), piece.data(), dst.data(), src.data());
  });
}

/// The call that lays rows of several operands side by side; cut along the rows by size.
std::vector<kernels::Call> side_by_side_call(int64_t rows, std::vector<size_t> widths) {
  const size_t whole = std::accumulate(widths.begin(), widths.end(), size_t{0});
  const int parts = kernels::parts_for(rows * static_cast<int64_t>(whole), 65536, rows);
  return rows_call("concat", rows, parts, [=](void* const* p, int64_t begin, int64_t end) {
    const auto first = static_cast<size_t>(begin);
    auto* to = static_cast<std::byte*>(p[0]) + first * whole;
    for (size_t k = 0; k < widths.size(); to += widths[k++]) {
      kernels::copy_rows(to, whole, static_cast<const std::byte*>(p[k + 1]) + first * widths[k],
                         widths[k], end - begin, widths[k]);
    }
  });
}

/// Strides of the operand of a broadcast for each axis of the result; 0 where it repeats.
Ints broadcast_strides(const Shape& from, const Shape& to) {
  Ints s = strides_of(from);
  for (int i = 0; i < from.rank(); ++i) {
    if (from[i] == 1) s[static_cast<size_t>(i)] = 0;
  }
  s.insert(s.begin(), static_cast<size_t>(to.rank() - from.rank()), 0);
  return s;
}

/// Strides of the operand of a transposition for each axis of the result.
Ints transposed_strides(const Shape& x, const Ints& order) {
  const Ints own = strides_of(x);
  Ints strides;
  for (int64_t a : order) strides.push_back(own[static_cast<size_t>(a)]);
  return strides;
}
/// Where the entry that the attribute `first` of a slice or pad names begins, in elements.
int64_t start_of(const ir::Node& n, const char* first, const Ints& strides) {
  return n.attrs.integer(first) * strides[static_cast<size_t>(n.attrs.integer("axis"))];
}

void walk(const Shape& s, const std::function<void(const Ints&, size_t)>& f) {
  Ints at(static_cast<size_t>(s.rank()), 0);
  for (int64_t i = 0, n = s.elements(); i < n; ++i) {
    f(at, static_cast<size_t>(i));
    for (size_t a = at.size(); a-- > 0;) {
      if (++at[a] < s[static_cast<int>(a)]) break;
      at[a] = 0;
    }
  }
}
size_t offset(const Ints& at, const Ints& strides) {
  return static_cast<size_t>(std::inner_product(at.begin(), at.end(), strides.begin(), int64_t{0}));
}

Op reshape_op() {
  return {
      .name = "reshape",
      .doc = "The same elements in row-major order under another shape.",
      .in = {"x"},
      .attrs = {{"shape", AttrKind::ints}},
      .kind = Kind::view,
      .type = [](const TypeContext& c) -> ResultType {
        const Shape to = shape_of(c.attrs.ints("shape"));
        if (to.elements() != c.shapes[0].elements()) {
          c.refuse(c.shapes[0].text() + " has " + std::to_string(c.shapes[0].elements()) +
                   " elements, " + to.text() + " has " + std::to_string(to.elements()));
        }
        return {to, c.dtypes[0]};
      },
      .grad = [](const Back& b) -> std::vector<Expr> { return {reshape(b.dy, b.x(0).shape())}; },
      .kernel = ir::PlannedKernel{},
      .reference = ir::TensorReference([](const RefCall& c) { c.out.v = c.in[0]->v; }),
      .domain = {.cases = {{{{2, 6}}, {{"shape", Ints{3, 4}}}}, {{{}}, {{"shape", Ints{1, 1}}}}}}};
}

Op broadcast_op() {
  return {.name = "broadcast_to",
          .doc = "Repeats along axes of extent 1 and along new leading axes.",
          .in = {"x"},
          .attrs = {{"shape", AttrKind::ints}},
          .kind = Kind::broadcast,
          .type = [](const TypeContext& c) -> ResultType {
            const Shape to = shape_of(c.attrs.ints("shape")), &from = c.shapes[0];
            const int shift = to.rank() - from.rank();
            bool fits = shift >= 0;
            for (int i = 0; fits && i < from.rank(); ++i)
              fits = from[i] == 1 || from[i] == to[i + shift];
            if (!fits) c.refuse(from.text() + " does not broadcast to " + to.text());
            return {to, c.dtypes[0]};
          },
          .grad = [](const Back& b) -> std::vector<Expr> {
            const Shape from = b.x(0).shape(), to = b.y().shape();
            const int shift = to.rank() - from.rank();
            Axes over;
            for (int i = 0; i < to.rank(); ++i) {
              if (i < shift || (from[i - shift] == 1 && to[i] != 1)) over.push_back(i);
            }
            if (over.empty()) return {reshape(b.dy, from)};
            return {reshape(sum(b.dy, over), from)};
          },
          .kernel = ir::BindFn([](const ir::BindContext& c) {
            return strided_call("broadcast", c.node.dtype, c.node.shape, strides_of(c.node.shape),
                                broadcast_strides(c.in[0]->shape, c.node.shape));
          }),
          .reference = ir::TensorReference([](const RefCall& c) {
            const Ints strides = broadcast_strides(c.in[0]->shape, c.out.shape);
            walk(c.out.shape,
                 [&](const Ints& at, size_t i) { c.out.v[i] = c.in[0]->v[offset(at, strides)]; });
          }),
          .domain = {.cases = {{{{3}}, {{"shape", Ints{4, 3}}}},
                               {{{4, 1}}, {{"shape", Ints{4, 3}}}},
                               {{{}}, {{"shape", Ints{2, 3}}}},
                               {{{2, 1, 3}}, {{"shape", Ints{5, 2, 4, 3}}}}}}};
}

Op transpose_op() {
  return {.name = "transpose",
          .doc = "Axis i of the result is axis order[i] of x.",
          .in = {"x"},
          .attrs = {{"order", AttrKind::ints}},
          .kind = Kind::general,
          .type = [](const TypeContext& c) -> ResultType {
            Ints all(static_cast<size_t>(c.shapes[0].rank()));
            std::iota(all.begin(), all.end(), 0);
            if (!std::ranges::is_permutation(c.attrs.ints("order"), all))
              c.refuse("order must name each axis of " + c.shapes[0].text() + " once");
            Shape s;
            for (int64_t a : c.attrs.ints("order")) s.push_back(c.shapes[0][static_cast<int>(a)]);
            return {s, c.dtypes[0]};
          },
          .grad = [](const Back& b) -> std::vector<Expr> {
            const Ints& order = b.attrs().ints("order");
            std::vector<int> inverse(order.size());
            for (size_t i = 0; i < order.size(); ++i)
              inverse[static_cast<size_t>(order[i])] = static_cast<int>(i);
            return {transpose(b.dy, inverse)};
          },
          .kernel = ir::BindFn([](const ir::BindContext& c) {
            const Ints& order = c.node.attrs.ints("order");
            if (order == Ints{1, 0} && size_of(c.node.dtype) == 4) {  // faster than by pieces
              const auto whole = [cols = c.in[0]->shape[1]](void* const* p, int64_t, int64_t rows) {
                kernels::transpose(static_cast<const float*>(p[1]), static_cast<float*>(p[0]), rows,
                                   cols);
              };
              return rows_call("transpose", c.in[0]->shape[0], 1, whole);
            }
            return strided_call("transpose", c.node.dtype, c.node.shape, strides_of(c.node.shape),
                                transposed_strides(c.in[0]->shape, order));
          }),
          .reference = ir::TensorReference([](const RefCall& c) {
            const Ints strides = transposed_strides(c.in[0]->shape, c.node.attrs.ints("order"));
            walk(c.out.shape,
                 [&](const Ints& at, size_t i) { c.out.v[i] = c.in[0]->v[offset(at, strides)]; });
          }),
          .domain = {.cases = {{{{5, 7}}, {{"order", Ints{1, 0}}}},
                               {{{2, 3, 4}}, {{"order", Ints{2, 0, 1}}}}}}};
}

Op slice_op() {
  return {.name = "slice",
          .doc = "`size` entries of an axis from `begin`.",
          .in = {"x"},
          .attrs = {{"axis", AttrKind::integer},
                    {"begin", AttrKind::integer},
                    {"size", AttrKind::integer}},
          .kind = Kind::window,
          .type = [](const TypeContext& c) -> ResultType {
            const int64_t axis = c.attrs.integer("axis"), begin = c.attrs.integer("begin"),
                          size = c.attrs.integer("size");
            Shape s = c.shapes[0];
            if (axis < 0 || axis >= s.rank() || begin < 0 || size < 0 ||
                begin > s[static_cast<int>(axis)] - size) {
              c.refuse(std::to_string(size) + " entries from " + std::to_string(begin) +
                       " of axis " + std::to_string(axis) + " of " + s.text());
            }
            s[static_cast<int>(axis)] = size;
            return {s, c.dtypes[0]};
          },
          .grad = [](const Back& b) -> std::vector<Expr> {
            const int axis = axis_of(b.attrs());
            const int64_t begin = b.attrs().integer("begin"), size = b.attrs().integer("size");
            return {pad(b.dy, axis, begin, b.x(0).shape()[axis] - begin - size)};
          },
          .kernel = ir::BindFn([](const ir::BindContext& c) {
            const Ints src = strides_of(c.in[0]->shape);
            return strided_call("slice", c.node.dtype, c.node.shape, strides_of(c.node.shape), src,
                                0, start_of(c.node, "begin", src));
          }),
          .reference = ir::TensorReference([](const RefCall& c) {
            const Ints src = strides_of(c.in[0]->shape);
            const auto from = static_cast<size_t>(start_of(c.node, "begin", src));
            walk(c.out.shape, [&](const Ints& at, size_t i) {
              c.out.v[i] = c.in[0]->v[from + offset(at, src)];
            });
          }),
          .domain = {.cases = {{{{5, 7}}, {{"axis", 1}, {"begin", 2}, {"size", 3}}},
                               {{{5, 7}}, {{"axis", 0}, {"begin", 4}, {"size", 1}}}}}};
}

Op pad_op() {
  return {.name = "pad",
          .doc = "Zeros before and after an axis.",
          .in = {"x"},
          .attrs = {{"axis", AttrKind::integer},
                    {"before", AttrKind::integer},
                    {"after", AttrKind::integer}},
          .kind = Kind::general,
          .type = [](const TypeContext& c) -> ResultType {
            const int64_t axis = c.attrs.integer("axis"), before = c.attrs.integer("before"),
                          after = c.attrs.integer("after");
            Shape s;
            if (axis < 0 || axis >= c.shapes[0].rank() || before < 0 || after < 0)
              c.refuse("no such axis or a negative extent");
            for (int i = 0; i < c.shapes[0].rank(); ++i)
              s.push_back(c.shapes[0][i] + (i == axis ? before + after : 0));
            return {s, c.dtypes[0]};
          },
          .grad = [](const Back& b) -> std::vector<Expr> {
            const int axis = axis_of(b.attrs());
            return {slice(b.dy, axis, b.attrs().integer("before"), b.x(0).shape()[axis])};
          },
          .kernel = ir::BindFn([](const ir::BindContext& c) {
            const Ints dst = strides_of(c.node.shape);
            const auto bytes =
                c.node.shape.elements() * static_cast<int64_t>(size_of(c.node.dtype));
            std::vector<kernels::Call> calls =
                rows_call("zeros", bytes, 1, [](void* const* p, int64_t, int64_t n) {
                  std::memset(p[0], 0, static_cast<size_t>(n));
                });
            calls.push_back(strided_call("pad", c.node.dtype, c.in[0]->shape, dst,
                                         strides_of(c.in[0]->shape),
                                         start_of(c.node, "before", dst))[0]);
            return calls;
          }),
          .reference = ir::TensorReference([](const RefCall& c) {
            const Ints dst = strides_of(c.out.shape);
            const auto to = static_cast<size_t>(start_of(c.node, "before", dst));
            walk(c.in[0]->shape,
                 [&](const Ints& at, size_t i) { c.out.v[to + offset(at, dst)] = c.in[0]->v[i]; });
          }),
          .domain = {.cases = {{{{5, 3}}, {{"axis", 1}, {"before", 2}, {"after", 1}}},
                               {{{4}}, {{"axis", 0}, {"before", 0}, {"after", 2}}}}}};
}

Op concat_op() {
  return {
      .name = "concat",
      .doc = "Tensors one after another along an axis.",
      .in = {"x..."},
      .attrs = {{"axis", AttrKind::integer}},
      .kind = Kind::general,
      .type = [](const TypeContext& c) -> ResultType {
        const auto axis = axis_of(c.attrs);
        if (c.shapes.empty()) c.refuse("needs at least one tensor");
        if (axis < 0 || axis >= c.shapes[0].rank())
          c.refuse("no such axis in " + c.shapes[0].text());
        Shape s = c.shapes[0];
        for (size_t k = 1; k < c.shapes.size(); ++k) {
          const Shape& other = c.shapes[k];
          if (other.rank() != s.rank() || c.dtypes[k] != c.dtypes[0] ||
              without(other, axis) != without(s, axis))
            c.refuse(s.text() + " and " + other.text() + " differ on another axis than " +
                     std::to_string(axis));
          s[axis] += other[axis];
        }
        return {s, c.dtypes[0]};
      },
      .grad = [](const Back& b) -> std::vector<Expr> {
        const auto axis = axis_of(b.attrs());
        std::vector<Expr> dx;
        int64_t at = 0;
        for (size_t k = 0; k < b.graph.program().nodes[b.node].in.size(); ++k) {
          const int64_t size = b.x(k).shape()[axis];
          dx.push_back(slice(b.dy, axis, at, size));
          at += size;
        }
        return dx;
      },
      .kernel = ir::BindFn([](const ir::BindContext& c) {
        const int64_t rows = split_at(c.node.shape, axis_of(c.node.attrs)).outer;
        std::vector<size_t> widths;  // bytes of a row of each operand
        for (const ir::Node* x : c.in) {
          widths.push_back(static_cast<size_t>(x->shape.elements() / std::max<int64_t>(rows, 1)) *
                           size_of(x->dtype));
        }
        return side_by_side_call(rows, std::move(widths));
      }),
      .reference = ir::TensorReference([](const RefCall& c) {
        const Ints dst = strides_of(c.out.shape);
        const auto axis = static_cast<size_t>(c.node.attrs.integer("axis"));
        int64_t start = 0;
        for (const ir::RefTensor* x : c.in) {
          walk(x->shape, [&](const Ints& at, size_t i) {
            c.out.v[static_cast<size_t>(start * dst[axis]) + offset(at, dst)] = x->v[i];
          });
          start += x->shape[static_cast<int>(axis)];
        }
      }),
      .domain = {.cases = {{{{2, 3}, {2, 1}, {2, 4}}, {{"axis", 1}}},
                           {{{2, 3}, {1, 3}}, {{"axis", 0}}}}}};
}

}  // namespace

void add_shape_ops(std::vector<Op>& table) {
  table.push_back(reshape_op());
  table.push_back(broadcast_op());
  table.push_back(transpose_op());
  table.push_back(slice_op());
  table.push_back(pad_op());
  table.push_back(concat_op());
}

}  // namespace ops

Expr reshape(Arg x, Shape shape) {
  return ops::apply("reshape", {x}, {{"shape", ops::ints_of(shape)}});
}
Expr broadcast_to(Arg x, Shape shape) {
  return ops::apply("broadcast_to", {x}, {{"shape", ops::ints_of(shape)}});
}
Expr transpose(Arg x, std::vector<int> order) {
  const int rank = x.expr().shape().rank();
  ops::Ints axes(order.begin(), order.end());
  if (order.empty()) {
    for (int i = rank; i-- > 0;) axes.push_back(i);
  }
  return ops::apply("transpose", {x}, {{"order", axes}});
}
Expr slice(Arg x, int axis, int64_t begin, int64_t size) {
  const int64_t a = ops::checked_axis("slice", axis, x);
  return ops::apply("slice", {x}, {{"axis", a}, {"begin", begin}, {"size", size}});
}
Expr pad(Arg x, int axis, int64_t before, int64_t after) {
  const int64_t a = ops::checked_axis("pad", axis, x);
  return ops::apply("pad", {x}, {{"axis", a}, {"before", before}, {"after", after}});
}
Expr concat(const std::vector<Expr>& parts, int axis) {
  if (parts.empty()) throw UsageError("concat: needs at least one tensor");
  const int64_t a = ops::checked_axis("concat", axis, Arg(parts[0], "", 0));
  return ops::apply("concat", std::vector<Arg>(parts.begin(), parts.end()), {{"axis", a}});
}
std::vector<Expr> split(Arg x, int parts, int axis) {
  At at(x.where());
  const int a = ops::checked_axis("split", axis, x);
  const int64_t extent = x.expr().shape()[a];
  if (parts < 1 || extent % parts) {
    throw UsageError(
        "split: axis of " + std::to_string(extent) + " does not divide in " + std::to_string(parts),
        x.where());
  }
  std::vector<Expr> pieces;
  for (int i = 0; i < parts; ++i) pieces.push_back(slice(x, a, extent / parts * i, extent / parts));
  return pieces;
}

}  // namespace latent
