// Convolution as three ops, each one's gradient made of the other two, so that every order exists:
// forward, by data (which is also the transposed convolution) and by weights. Kernels and the
// choice among them: kernels/conv.h.
#include "kernels/conv.h"

#include <algorithm>
#include <functional>

#include "base/words.h"
#include "ops/family.h"

namespace latent {
namespace ops {

using kernels::ConvAxis;
using kernels::ConvPass;
using kernels::ConvProblem;

ConvAxis window_axis(const Attrs& attrs, size_t i, int64_t size, int64_t taps) {
  ConvAxis a{.size = size,
             .places = 0,
             .taps = taps,
             .stride = attrs.ints("stride")[i],
             .before = attrs.ints("padding")[2 * i],
             .after = attrs.ints("padding")[2 * i + 1]};
  if (attrs.find("dilation")) a.dilation = attrs.ints("dilation")[i];
  const int64_t room = a.size + a.before + a.after - a.span();
  if (room >= 0 && a.stride > 0) a.places = room / a.stride + 1;
  return a;
}

namespace {

/// The extents of a node from its two operands; nothing is checked.
ConvProblem problem_of(ConvPass pass, const Shape& a, const Shape& b, const Attrs& attrs) {
  const auto axis = [&](size_t i) {
    const int k = static_cast<int>(i);
    return window_axis(attrs, i, pass == ConvPass::by_data ? attrs.ints("size")[i] : a[1 + k],
                       pass == ConvPass::by_weights ? attrs.ints("kernel")[i] : b[k]);
  };
  const int64_t groups = attrs.integer("groups");
  return {.pass = pass,
          .n = a[0],
          .cin = pass == ConvPass::by_data ? b[2] * groups : a[3],
          .cout = b[3],
          .h = axis(0),
          .w = axis(1),
          .groups = groups};
}
Shape y_shape(const ConvProblem& p) { return {p.n, p.h.places, p.w.places, p.cout}; }
Shape result_shape(const ConvProblem& p) {
  return p.pass == ConvPass::forward   ? y_shape(p)
         : p.pass == ConvPass::by_data ? Shape{p.n, p.h.size, p.w.size, p.cin}
                                       : Shape{p.h.taps, p.w.taps, p.cin / p.groups, p.cout};
}

std::string multiples(int64_t n) {
  std::string s;
  for (int64_t g = 1; g <= n; ++g) {
    if (n % g == 0) s += (s.empty() ? "" : ", ") + std::to_string(g);
  }
  return s;
}

void check_axis(const TypeContext& c, const char* name, const ConvAxis& a) {
  const auto text = [](int64_t v) { return std::to_string(v); };
  if (a.stride < 1 || a.dilation < 1 || a.before < 0 || a.after < 0)
    c.refuse("stride and dilation start at 1, padding at 0");
  if (a.size < 1 || a.taps < 1) c.refuse("the picture or the kernel has no " + std::string(name));
  if (a.stride > a.size) {
    c.refuse("stride " + text(a.stride) + " is larger than the picture's " + name + " " +
             text(a.size) + "; a stride of at most " + text(a.size) + " fits");
  }
  if (a.places >= 1) return;
  const int64_t room = a.size + a.before + a.after;
  c.refuse(std::string("a kernel of ") + name + " " + text(a.taps) +
           (a.dilation > 1 ? " with dilation " + text(a.dilation) : "") + " spans " +
           text(a.span()) + ", the picture with its padding has " + text(room) + "; a kernel of " +
           text((room - 1) / a.dilation + 1) + " or " + text(a.span() - room) +
           " more of padding fits");
}

/// Refuses what does not fit, and gives the extents of what does.
ConvProblem checked(ConvPass pass, const TypeContext& c) {
  const char* const* names = c.op.in.data();
  for (size_t i = 0; i < 2; ++i) {
    expect_type(c, i, DType::f32);
    if (c.shapes[i].rank() != 4)
      c.refuse(std::string(names[i]) + " must have 4 axes, found " + c.shapes[i].text());
  }
  const std::string both =
      std::string(names[0]) + " " + c.shapes[0].text() + ", " + names[1] + " " + c.shapes[1].text();
  for (const auto& [key, value] : c.attrs.list()) {
    if (key != "groups" && std::get<Ints>(value).size() != (key == "padding" ? 4u : 2u))
      c.refuse("the attribute " + key + " has a wrong number of entries");
  }
  if (c.attrs.integer("groups") < 1) c.refuse("there is at least one group");
  const ConvProblem p = problem_of(pass, c.shapes[0], c.shapes[1], c.attrs);
  check_axis(c, "height", p.h);
  check_axis(c, "width", p.w);
  const std::string groups = counted(p.groups, "group");
  if (p.cin % p.groups || p.cout % p.groups) {
    const int64_t wrong = p.cin % p.groups ? p.cin : p.cout;
    c.refuse(std::to_string(wrong) + (wrong == p.cin ? " input" : " output") +
             " channels do not fall into " + groups + "; " + multiples(wrong) + " would fit");
  }
  if (pass == ConvPass::forward && c.shapes[1][2] * p.groups != p.cin) {
    c.refuse("weights must have " + std::to_string(p.cin / p.groups) + " input channels for " +
             groups + ": " + both);
  }
  if (pass == ConvPass::forward) return p;
  const Shape& y = c.shapes[pass == ConvPass::by_data ? 0 : 1];
  if (y != y_shape(p)) {
    c.refuse("a picture " + std::to_string(p.h.size) + " x " + std::to_string(p.w.size) +
             " has results " + y_shape(p).text() + ": " + both);
  }
  return p;
}

/// The attributes that the three ops share, and one of its own.
Attrs shared(const Attrs& from, const char* own = nullptr, Ints value = {}) {
  Attrs attrs{{"stride", from.ints("stride")},
              {"padding", from.ints("padding")},
              {"dilation", from.ints("dilation")},
              {"groups", from.integer("groups")}};
  if (own) attrs.set(own, std::move(value));
  return attrs;
}
Attrs attrs_of(const ConvOptions& o) {
  return {{"stride", Ints{o.stride.h, o.stride.w}},
          {"padding", Ints{o.padding.top, o.padding.bottom, o.padding.left, o.padding.right}},
          {"dilation", Ints{o.dilation.h, o.dilation.w}},
          {"groups", o.groups}};
}

Expr forward(Expr x, Expr weights, const Attrs& like) {
  return apply("conv", {x, weights}, shared(like));
}
Expr by_data(Expr y, Expr weights, const Attrs& like, const Shape& x) {
  return apply("conv_data", {y, weights}, shared(like, "size", {x[1], x[2]}));
}
Expr by_weights(Expr x, Expr y, const Attrs& like, const Shape& weights) {
  return apply("conv_weights", {x, y}, shared(like, "kernel", {weights[0], weights[1]}));
}

/// Calls visit(x, weight, y) with the offsets of every product of a convolution.
void each_product(const ConvProblem& p,
                  const std::function<void(size_t x, size_t weight, size_t y)>& visit) {
  const int64_t in = p.cin / p.groups, out = p.cout / p.groups;
  for (int64_t n = 0; n < p.n; ++n)
    for (int64_t oy = 0; oy < p.h.places; ++oy)
      for (int64_t ox = 0; ox < p.w.places; ++ox)
        for (int64_t ky = 0; ky < p.h.taps; ++ky)
          for (int64_t kx = 0; kx < p.w.taps; ++kx) {
            const int64_t iy = oy * p.h.stride + ky * p.h.dilation - p.h.before,
                          ix = ox * p.w.stride + kx * p.w.dilation - p.w.before;
            if (iy < 0 || ix < 0 || iy >= p.h.size || ix >= p.w.size) continue;
            for (int64_t i = 0; i < in; ++i)
              for (int64_t o = 0; o < p.cout; ++o) {
                const int64_t x = ((n * p.h.size + iy) * p.w.size + ix) * p.cin + o / out * in + i,
                              w = ((ky * p.w.taps + kx) * in + i) * p.cout + o,
                              y = ((n * p.h.places + oy) * p.w.places + ox) * p.cout + o;
                visit(static_cast<size_t>(x), static_cast<size_t>(w), static_cast<size_t>(y));
              }
          }
}

void reference(ConvPass pass, const RefCall& c) {
  const double *a = c.in[0]->v.data(), *b = c.in[1]->v.data();
  double* out = c.out.v.data();
  each_product(problem_of(pass, c.in[0]->shape, c.in[1]->shape, c.node.attrs),
               [&](size_t x, size_t w, size_t y) {
                 if (pass == ConvPass::forward)
                   out[y] += a[x] * b[w];
                 else if (pass == ConvPass::by_data)
                   out[x] += a[y] * b[w];
                 else
                   out[w] += a[x] * b[y];
               });
}

/// The cases of the generated tests as a pass sees them: small ones at odd sizes, of which the
/// gradients are checked, and larger ones for the kernels.
Domain domain(ConvPass pass) {
  struct Layer {
    Shape x, weights;
    ConvOptions options;
  };
  const Layer layers[] = {
      {{1, 3, 5, 2}, {3, 3, 2, 1}, {.padding = {1, 1, 1, 1}}},
      {{1, 4, 5, 2}, {2, 3, 2, 2}, {.stride = {2, 1}, .padding = {0, 1, 2, 0}}},
      {{2, 5, 3, 1}, {3, 2, 1, 3}, {.stride = {3, 2}, .padding = {1, 0, 0, 1}}},
      {{1, 5, 4, 2}, {2, 2, 2, 2}, {.padding = {1, 0, 0, 0}, .dilation = {3, 2}}},
      {{1, 3, 3, 4}, {2, 2, 2, 4}, {.groups = 2}},
      {{1, 4, 3, 3}, {3, 2, 1, 3}, {.padding = {1, 1, 0, 1}, .groups = 3}},
      {{1, 3, 3, 2}, {2, 2, 1, 4}, {.stride = 2, .padding = {1, 1, 0, 0}, .groups = 2}},
      {{2, 1, 9, 1}, {1, 4, 1, 2}, {.stride = {1, 3}, .padding = {0, 0, 2, 1}}},
      {{1, 2, 2, 1}, {1, 1, 1, 1}, {}},
      {{9, 14, 14, 32}, {3, 3, 32, 16}, {.stride = 2, .padding = {0, 1, 0, 1}}},
      {{5, 11, 9, 16}, {3, 3, 16, 1}, {.padding = {1, 1, 1, 1}}},
      {{5, 11, 9, 16}, {5, 3, 16, 3}, {.padding = {2, 2, 1, 1}}},
      {{3, 10, 7, 3}, {3, 3, 3, 32}, {.padding = {1, 1, 1, 1}}},
      {{3, 8, 8, 24}, {3, 3, 1, 24}, {.padding = {1, 1, 1, 1}, .groups = 24}},
      {{3, 9, 7, 10}, {4, 4, 5, 6}, {.stride = 2, .padding = {1, 1, 1, 1}, .groups = 2}}};
  Domain d{.low = -0.5, .high = 0.5, .tolerance = 1e-5};
  for (const Layer& l : layers) {
    const Attrs attrs = attrs_of(l.options);
    const ConvProblem p = problem_of(ConvPass::forward, l.x, l.weights, attrs);
    if (pass == ConvPass::forward)
      d.cases.push_back({{l.x, l.weights}, attrs});
    else if (pass == ConvPass::by_data)
      d.cases.push_back({{y_shape(p), l.weights}, shared(attrs, "size", {l.x[1], l.x[2]})});
    else
      d.cases.push_back({{l.x, y_shape(p)}, shared(attrs, "kernel", {p.h.taps, p.w.taps})});
  }
  return d;
}

/// One of the three; `own` is the attribute that tells what its operands do not.
Op conv_op(ConvPass pass, const char* name, const char* doc, std::vector<const char*> in,
           const char* own, ir::GradRule grad) {
  std::vector<ir::AttrSpec> attrs = {{"stride", AttrKind::ints},
                                     {"padding", AttrKind::ints},
                                     {"dilation", AttrKind::ints},
                                     {"groups", AttrKind::integer}};
  if (own) attrs.push_back({own, AttrKind::ints});
  return {
      .name = name,
      .doc = doc,
      .in = std::move(in),
      .attrs = std::move(attrs),
      .kind = Kind::general,
      .type = [pass](const TypeContext& c) -> ResultType {
        return {result_shape(checked(pass, c)), DType::f32};
      },
      .grad = std::move(grad),
      .kernel = ir::BindFn([pass](const ir::BindContext& c) {
        return kernels::bind_conv(problem_of(pass, c.in[0]->shape, c.in[1]->shape, c.node.attrs));
      }),
      .reference = ir::TensorReference([pass](const RefCall& c) { reference(pass, c); }),
      .domain = domain(pass)};
}

}  // namespace

void add_conv_ops(std::vector<Op>& table) {
  table.push_back(conv_op(ConvPass::forward, "conv",
                          "x [n,h,w,cin] by weights [kh,kw,cin/groups,cout] -> [n,oh,ow,cout].",
                          {"x", "weights"}, nullptr, [](const Back& b) -> std::vector<Expr> {
                            return {by_data(b.dy, b.x(1), b.attrs(), b.x(0).shape()),
                                    by_weights(b.x(0), b.dy, b.attrs(), b.x(1).shape())};
                          }));
  table.push_back(
      conv_op(ConvPass::by_data, "conv_data",
              "The adjoint of conv to x: y [n,oh,ow,cout] and weights give a picture of `size`.",
              {"y", "weights"}, "size", [](const Back& b) -> std::vector<Expr> {
                return {forward(b.dy, b.x(1), b.attrs()),
                        by_weights(b.dy, b.x(0), b.attrs(), b.x(1).shape())};
              }));
  table.push_back(conv_op(
      ConvPass::by_weights, "conv_weights",
      "The adjoint of conv to its weights: x and y [n,oh,ow,cout] give weights of `kernel`.",
      {"x", "y"}, "kernel", [](const Back& b) -> std::vector<Expr> {
        return {by_data(b.x(1), b.dy, b.attrs(), b.x(0).shape()), forward(b.x(0), b.dy, b.attrs())};
      }));
}

}  // namespace ops

Padding same_padding(Extent size, Extent kernel, Extent stride, Extent dilation) {
  const auto total = [](int64_t n, int64_t k, int64_t s, int64_t d) {
    if (s < 1) throw UsageError("same_padding: strides start at 1, found " + std::to_string(s));
    return std::max<int64_t>(0, ((n + s - 1) / s - 1) * s + d * (k - 1) + 1 - n);
  };
  const int64_t h = total(size.h, kernel.h, stride.h, dilation.h),
                w = total(size.w, kernel.w, stride.w, dilation.w);
  return {h / 2, h - h / 2, w / 2, w - w / 2};
}

Expr conv2d(Arg x, Arg weights, const ConvOptions& options) {
  return ops::apply("conv", {x, weights}, ops::attrs_of(options));
}

Expr conv_transpose2d(Arg y, Arg weights, const ConvOptions& o, Extent output_padding) {
  const Where where = ir::current_where(y.where());
  const Shape& from = y.expr().shape();
  const Shape& taps = weights.expr().shape();
  if (from.rank() != 4 || taps.rank() != 4) {
    throw UsageError(
        "conv_transpose2d: needs y [n, h, w, c] and weights [kh, kw, cout, cin], found " +
            from.text() + " and " + taps.text(),
        where);
  }
  ops::Attrs attrs = ops::attrs_of(o);
  const auto size = [&](size_t i, const char* axis, int64_t more) {
    const int k = static_cast<int>(i);
    const kernels::ConvAxis a = ops::window_axis(attrs, i, 0, taps[k]);
    if (more < 0 || more >= std::max<int64_t>(a.stride, 1)) {
      throw UsageError("conv_transpose2d: an output padding of " + std::to_string(more) +
                           " with stride " + std::to_string(a.stride) + "; it is 0 to stride - 1",
                       where);
    }
    const int64_t s = (from[1 + k] - 1) * a.stride + a.span() - a.before - a.after + more;
    if (s < 1) {
      throw UsageError("conv_transpose2d: padding " + std::to_string(a.before) + " + " +
                           std::to_string(a.after) + " leaves no " + axis + "; at most " +
                           std::to_string(s + a.before + a.after - 1) + " fits",
                       where);
    }
    return s;
  };
  attrs.set("size",
            ops::Ints{size(0, "height", output_padding.h), size(1, "width", output_padding.w)});
  return ops::apply("conv_data", {y, weights}, std::move(attrs));
}

namespace {

/// A tensor of 3 axes with one of extent 1 put before axis `at`, 0 or 1: a sequence as a picture of
/// height 1, the weights of a sequence as those of such a picture.
Expr raised(const char* op, const Arg& x, int at) {
  const Shape& from = x.expr().shape();
  if (from.rank() != 3) {
    throw UsageError(std::string(op) +
                         ": needs a sequence [n, l, c] and weights [k, cin, cout], found " +
                         from.text(),
                     ir::current_where(x.where()));
  }
  return reshape(x, at == 0 ? ops::stacked(1, from) : Shape{from[0], 1, from[1], from[2]});
}
Expr lowered(Expr y) { return reshape(y, {y.dim(0), y.dim(2), y.dim(3)}); }

ConvOptions along_width(const ConvOptions& o) {
  return {.stride = {1, o.stride.w},
          .padding = {.left = o.padding.left, .right = o.padding.right},
          .dilation = {1, o.dilation.w},
          .groups = o.groups};
}

}  // namespace

Expr conv1d(Arg x, Arg weights, const ConvOptions& options) {
  At at(x.where());
  return lowered(
      conv2d(raised("conv1d", x, 1), raised("conv1d", weights, 0), along_width(options)));
}

Expr conv_transpose1d(Arg y, Arg weights, const ConvOptions& options, int64_t output_padding) {
  At at(y.where());
  return lowered(conv_transpose2d(raised("conv_transpose1d", y, 1),
                                  raised("conv_transpose1d", weights, 0), along_width(options),
                                  {0, output_padding}));
}

}  // namespace latent
