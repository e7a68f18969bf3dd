// Pooling and changes of resolution. Max pooling is one pair of ops that are each other's gradient:
// `pool_pick` takes, of each window, the entry of a second tensor where the first is largest, and
// `pool_place` puts values back there. No index is kept: both find the place again. Everything else
// here is a composition; average pooling and bilinear interpolation are depthwise convolutions with
// constant weights.
#include "kernels/pool.h"

#include <algorithm>

#include "ops/family.h"

namespace latent {
namespace ops {

namespace {

using kernels::PoolProblem;

const std::vector<ir::AttrSpec> kWindow = {
    {"window", AttrKind::ints}, {"stride", AttrKind::ints}, {"padding", AttrKind::ints}};

PoolProblem problem_of(const Shape& x, const Attrs& attrs) {
  const Ints& window = attrs.ints("window");
  return {.n = x[0],
          .channels = x[3],
          .h = window_axis(attrs, 0, x[1], window[0]),
          .w = window_axis(attrs, 1, x[2], window[1])};
}

PoolProblem checked(const TypeContext& c) {
  for (size_t i = 0; i < 2; ++i) {
    expect_type(c, i, DType::f32);
    if (c.shapes[i].rank() != 4)
      c.refuse("needs pictures [n, h, w, c], found " + c.shapes[i].text());
  }
  if (c.attrs.ints("window").size() != 2 || c.attrs.ints("stride").size() != 2 ||
      c.attrs.ints("padding").size() != 4)
    c.refuse("window and stride have 2 entries, padding 4");
  for (const char* name : {"window", "stride"}) {
    for (int64_t v : c.attrs.ints(name)) {
      if (v < 1) c.refuse(std::string(name) + " starts at 1, found " + std::to_string(v));
    }
  }
  const PoolProblem p = problem_of(c.shapes[0], c.attrs);
  for (const auto& [name, a] : {std::pair{"height", p.h}, std::pair{"width", p.w}}) {
    if (a.before < 0 || a.after < 0 || a.before >= a.taps || a.after >= a.taps) {
      c.refuse("padding of " + std::to_string(std::max(a.before, a.after)) +
               " beside a window of " + name + " " + std::to_string(a.taps) +
               " would leave windows empty; at most " + std::to_string(a.taps - 1) + " fits");
    }
    if (a.places < 1) {
      c.refuse("a window of " + std::string(name) + " " + std::to_string(a.taps) +
               " does not fit the picture " + c.shapes[0].text() + "; at most " +
               std::to_string(a.size + a.before + a.after) + " fits");
    }
  }
  return p;
}
Shape places(const PoolProblem& p) { return {p.n, p.h.places, p.w.places, p.channels}; }

/// Calls visit(x, y) with the offsets of the largest element of each window (the first of equals)
/// and of its result.
template <class Visit>
void each_window(const PoolProblem& p, const double* x, const Visit& visit) {
  size_t y = 0;
  for (int64_t n = 0; n < p.n; ++n)
    for (int64_t oy = 0; oy < p.h.places; ++oy)
      for (int64_t ox = 0; ox < p.w.places; ++ox)
        for (int64_t c = 0; c < p.channels; ++c, ++y) {
          bool found = false;
          size_t best = 0;
          for (int64_t ky = 0; ky < p.h.taps; ++ky)
            for (int64_t kx = 0; kx < p.w.taps; ++kx) {
              const int64_t iy = oy * p.h.stride + ky - p.h.before,
                            ix = ox * p.w.stride + kx - p.w.before;
              if (iy < 0 || ix < 0 || iy >= p.h.size || ix >= p.w.size) continue;
              const auto at =
                  static_cast<size_t>(((n * p.h.size + iy) * p.w.size + ix) * p.channels + c);
              if (!found || x[at] > x[best]) best = at;
              found = true;
            }
          visit(best, y);
        }
}

Attrs attrs_of(Extent window, Extent stride, const Padding& p) {
  return {{"window", Ints{window.h, window.w}},
          {"stride", Ints{stride.h, stride.w}},
          {"padding", Ints{p.top, p.bottom, p.left, p.right}}};
}

/// The picture of `x`, or a UsageError.
Expr picture(const char* op, const Arg& x) {
  const Expr e = x.expr();
  if (e.shape().rank() != 4) {
    throw UsageError(std::string(op) + ": needs a picture [n, h, w, c], found " + e.shape().text(),
                     ir::current_where(x.where()));
  }
  return e;
}
void check_factor(const char* op, int64_t factor, const Arg& x) {
  if (factor < 1) {
    throw UsageError(std::string(op) + ": a factor starts at 1, found " + std::to_string(factor),
                     ir::current_where(x.where()));
  }
}

/// max(0, 1 - |t - centre| / factor) at the taps of a linear interpolation by `factor`: [taps].
Expr triangle(Graph& g, int64_t factor, int64_t taps) {
  const double centre = 0.5 * static_cast<double>(taps - 1);
  return 1 - abs(cast(iota(g, taps), DType::f32) - centre) / factor;
}

/// x with its first and last entry of an axis repeated once.
Expr repeat_edges(Expr x, int axis) {
  return concat({slice(x, axis, 0, 1), x, slice(x, axis, x.dim(axis) - 1, 1)}, axis);
}

}  // namespace

void add_pool_ops(std::vector<Op>& table) {
  Domain pick{.tolerance = 0}, place{.tolerance = 1e-6};
  const std::pair<Shape, Attrs> layers[] = {
      {{1, 4, 5, 1}, attrs_of(2, 2, {})},
      {{1, 4, 3, 3}, attrs_of({2, 3}, {1, 2}, {.top = 1, .left = 2, .right = 1})},
      {{2, 3, 3, 2}, attrs_of(3, 2, {1, 1, 1, 1})},
      {{2, 1, 9, 1}, attrs_of({1, 3}, {1, 2}, {})},
      {{3, 9, 12, 37}, attrs_of(2, 2, {})},
      {{2, 9, 7, 16}, attrs_of(3, 2, {.top = 1, .left = 1})}};
  for (const auto& [x, attrs] : layers) {
    pick.cases.push_back({{x, x}, attrs});
    place.cases.push_back({{x, places(problem_of(x, attrs))}, attrs});
  }
  table.push_back(
      {.name = "pool_pick",
       .doc = "Of each window, the entry of `values` where x is largest, the first of equals.",
       .in = {"x", "values"},
       .attrs = kWindow,
       .kind = Kind::general,
       .type = [](const TypeContext& c) -> ResultType {
         const PoolProblem p = checked(c);
         if (!(c.shapes[1] == c.shapes[0]))
           c.refuse("x " + c.shapes[0].text() + " and values " + c.shapes[1].text() + " differ");
         return {places(p), DType::f32};
       },
       .grad = [](const Back& b) -> std::vector<Expr> {
         return {Expr{}, apply("pool_place", {b.x(0), b.dy}, b.attrs())};
       },
       .kernel = ir::BindFn([](const ir::BindContext& c) {
         return std::vector{kernels::bind_pool_pick(problem_of(c.in[0]->shape, c.node.attrs))};
       }),
       .reference = ir::TensorReference([](const RefCall& c) {
         each_window(problem_of(c.in[0]->shape, c.node.attrs), c.in[0]->v.data(),
                     [&](size_t x, size_t y) { c.out.v[y] = c.in[1]->v[x]; });
       }),
       .domain = pick});
  table.push_back(
      {.name = "pool_place",
       .doc = "Zeros as x, plus each window's value of y where x is largest, the first of equals.",
       .in = {"x", "y"},
       .attrs = kWindow,
       .kind = Kind::general,
       .type = [](const TypeContext& c) -> ResultType {
         const Shape expected = places(checked(c));
         if (!(c.shapes[1] == expected))
           c.refuse("y must be " + expected.text() + ", found " + c.shapes[1].text());
         return {c.shapes[0], DType::f32};
       },
       .grad = [](const Back& b) -> std::vector<Expr> {
         return {Expr{}, apply("pool_pick", {b.x(0), b.dy}, b.attrs())};
       },
       .kernel = ir::BindFn([](const ir::BindContext& c) {
         return std::vector{kernels::bind_pool_place(problem_of(c.in[0]->shape, c.node.attrs))};
       }),
       .reference = ir::TensorReference([](const RefCall& c) {
         each_window(problem_of(c.in[0]->shape, c.node.attrs), c.in[0]->v.data(),
                     [&](size_t x, size_t y) { c.out.v[x] += c.in[1]->v[y]; });
       }),
       .domain = place});
}

}  // namespace ops

Expr max_pool(Arg x, Extent window, Extent stride, Padding padding) {
  return ops::apply("pool_pick", {x, x}, ops::attrs_of(window, stride, padding));
}

Expr average_pool(Arg x, Extent window, Extent stride, Padding padding) {
  At at(ir::current_where(x.where()));
  const int64_t channels = ops::picture("average_pool", x).dim(3);
  if (window.h < 1 || window.w < 1) {
    throw UsageError(
        "average_pool: a window of " + std::to_string(window.h) + " x " + std::to_string(window.w),
        ir::current_where(x.where()));
  }
  const double share = 1 / static_cast<double>(window.h * window.w);
  return conv2d(x, ops::filled(x.expr().graph(), share, {window.h, window.w, 1, channels}),
                {.stride = stride, .padding = padding, .groups = channels});
}

Expr global_average_pool(Arg x) {
  At at(ir::current_where(x.where()));
  return mean(ops::picture("global_average_pool", x), {1, 2});
}

Expr upsample_nearest(Arg x, Extent factor) {
  At at(ir::current_where(x.where()));
  const Expr e = ops::picture("upsample_nearest", x);
  ops::check_factor("upsample_nearest", std::min(factor.h, factor.w), x);
  const int64_t n = e.dim(0), h = e.dim(1), w = e.dim(2), c = e.dim(3);
  const Expr repeated =
      broadcast_to(reshape(e, {n, h, 1, w, 1, c}), {n, h, factor.h, w, factor.w, c});
  return reshape(repeated, {n, h * factor.h, w * factor.w, c});
}

Expr upsample_bilinear(Arg x, Extent factor) {
  At at(ir::current_where(x.where()));
  Expr e = ops::picture("upsample_bilinear", x);
  ops::check_factor("upsample_bilinear", std::min(factor.h, factor.w), x);
  const int64_t h = e.dim(1), w = e.dim(2), c = e.dim(3);
  // Pixel j reaches the 2 factor - 1 (2 factor when even) results around its centre.
  const int64_t kh = 2 * factor.h - factor.h % 2, kw = 2 * factor.w - factor.w % 2;
  const Expr taps = reshape(ops::triangle(e.graph(), factor.h, kh), {kh, 1, 1, 1}) *
                    reshape(ops::triangle(e.graph(), factor.w, kw), {1, kw, 1, 1});
  // One row and column more on each side, of which the results beyond the picture are cut off.
  e = ops::repeat_edges(ops::repeat_edges(e, 1), 2);
  const int64_t top = factor.h + (kh - factor.h) / 2, left = factor.w + (kw - factor.w) / 2;
  const Padding cut{top, (h + 1) * factor.h + kh - top - h * factor.h, left,
                    (w + 1) * factor.w + kw - left - w * factor.w};
  return conv_transpose2d(e, broadcast_to(taps, {kh, kw, 1, c}),
                          {.stride = factor, .padding = cut, .groups = c});
}

Expr pixel_shuffle(Arg x, int64_t factor) {
  At at(ir::current_where(x.where()));
  const Expr e = ops::picture("pixel_shuffle", x);
  ops::check_factor("pixel_shuffle", factor, x);
  const int64_t n = e.dim(0), h = e.dim(1), w = e.dim(2), square = factor * factor,
                c = e.dim(3) / square;
  if (e.dim(3) % square || c == 0) {
    throw UsageError("pixel_shuffle: " + std::to_string(e.dim(3)) +
                         " channels do not fall into blocks of " + std::to_string(factor) + " x " +
                         std::to_string(factor) + "; " +
                         (c ? std::to_string(c * square) + " or " : "") +
                         std::to_string((c + 1) * square) + " channels would fit",
                     ir::current_where(x.where()));
  }
  const Expr blocks = transpose(reshape(e, {n, h, w, factor, factor, c}), {0, 1, 3, 2, 4, 5});
  return reshape(blocks, {n, h * factor, w * factor, c});
}

}  // namespace latent
