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

namespace {

using kernels::ConvAxis;
using kernels::ConvPass;
using kernels::ConvProblem;

int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }
/// Results along an axis; below 1 when the window does not fit.
int64_t places_of(const ConvAxis& a) {
  return floor_div(a.size + a.before + a.after - a.span(), a.stride) + 1;
}

/// The extents of a node from its two operands; nothing is checked.
ConvProblem problem_of(ConvPass pass, const Shape& a, const Shape& b, const Attrs& attrs) {
  const Ints &stride = attrs.ints("stride"), &pad = attrs.ints("padding"),
             &dilation = attrs.ints("dilation");
  ConvProblem p{};
  p.pass = pass;
  p.groups = attrs.integer("groups");
  p.n = a[0];
  p.h = {.stride = stride[0], .before = pad[0], .after = pad[1], .dilation = dilation[0]};
  p.w = {.stride = stride[1], .before = pad[2], .after = pad[3], .dilation = dilation[1]};
  if (pass == ConvPass::by_weights) {
    p.h.taps = attrs.ints("kernel")[0];
    p.w.taps = attrs.ints("kernel")[1];
    p.cout = b[3];
  } else {
    p.h.taps = b[0];
    p.w.taps = b[1];
    p.cout = b[3];
  }
  if (pass == ConvPass::by_data) {
    p.h.size = attrs.ints("size")[0];
    p.w.size = attrs.ints("size")[1];
    p.cin = b[2] * p.groups;
  } else {
    p.h.size = a[1];
    p.w.size = a[2];
    p.cin = a[3];
  }
  p.h.places = places_of(p.h);
  p.w.places = places_of(p.w);
  return p;
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
  if (y[0] != p.n || y[1] != p.h.places || y[2] != p.w.places || y[3] != p.cout) {
    c.refuse("a picture " + std::to_string(p.h.size) + " x " + std::to_string(p.w.size) +
             " has results " + Shape{p.n, p.h.places, p.w.places, p.cout}.text() + ": " + both);
  }
  return p;
}

Ints pair(int64_t a, int64_t b) { return {a, b}; }

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
  return {{"stride", pair(o.stride.h, o.stride.w)},
          {"padding", Ints{o.padding.top, o.padding.bottom, o.padding.left, o.padding.right}},
          {"dilation", pair(o.dilation.h, o.dilation.w)},
          {"groups", o.groups}};
}

Expr forward(Expr x, Expr weights, const Attrs& like) {
  return apply("conv", {x, weights}, shared(like));
}
Expr by_data(Expr y, Expr weights, const Attrs& like, const Shape& x) {
  return apply("conv_data", {y, weights}, shared(like, "size", pair(x[1], x[2])));
}
Expr by_weights(Expr x, Expr y, const Attrs& like, const Shape& weights) {
  return apply("conv_weights", {x, y}, shared(like, "kernel", pair(weights[0], weights[1])));
}

ir::Kernel kernel(ConvPass pass) {
  return ir::BindFn([pass](const ir::BindContext& c) {
    return kernels::bind_conv(problem_of(pass, c.in[0]->shape, c.in[1]->shape, c.node.attrs));
  });
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

ir::Reference reference(ConvPass pass) {
  return ir::TensorReference([pass](const RefCall& c) {
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
    const Shape y{p.n, p.h.places, p.w.places, p.cout};
    if (pass == ConvPass::forward)
      d.cases.push_back({{l.x, l.weights}, attrs, {}});
    else if (pass == ConvPass::by_data)
      d.cases.push_back({{y, l.weights}, shared(attrs, "size", pair(l.x[1], l.x[2])), {}});
    else
      d.cases.push_back({{l.x, y}, shared(attrs, "kernel", pair(p.h.taps, p.w.taps)), {}});
  }
  return d;
}

std::vector<ir::AttrSpec> specs(const char* own = nullptr) {
  std::vector<ir::AttrSpec> s = {{"stride", ir::AttrKind::ints},
                                 {"padding", ir::AttrKind::ints},
                                 {"dilation", ir::AttrKind::ints},
                                 {"groups", ir::AttrKind::integer}};
  if (own) s.push_back({own, ir::AttrKind::ints});
  return s;
}

}  // namespace

void add_conv_ops(std::vector<Op>& table) {
  table.push_back({.name = "conv",
                   .doc = "x [n,h,w,cin] by weights [kh,kw,cin/groups,cout] -> [n,oh,ow,cout].",
                   .in = {"x", "weights"},
                   .attrs = specs(),
                   .kind = Kind::general,
                   .type = [](const TypeContext& c) -> ResultType {
                     const ConvProblem p = checked(ConvPass::forward, c);
                     return {{p.n, p.h.places, p.w.places, p.cout}, DType::f32};
                   },
                   .grad = {[](const Back& b) -> std::vector<Expr> {
                              return {by_data(b.dy(), b.x(1), b.attrs(), b.x(0).shape()),
                                      by_weights(b.x(0), b.dy(), b.attrs(), b.x(1).shape())};
                            },
                            {}},
                   .kernel = kernel(ConvPass::forward),
                   .reference = reference(ConvPass::forward),
                   .domain = domain(ConvPass::forward)});
  table.push_back({.name = "conv_data",
                   .doc = "The adjoint of conv to x: y [n,oh,ow,cout] and weights give a picture "
                          "of `size`.",
                   .in = {"y", "weights"},
                   .attrs = specs("size"),
                   .kind = Kind::general,
                   .type = [](const TypeContext& c) -> ResultType {
                     const ConvProblem p = checked(ConvPass::by_data, c);
                     return {{p.n, p.h.size, p.w.size, p.cin}, DType::f32};
                   },
                   .grad = {[](const Back& b) -> std::vector<Expr> {
                              return {forward(b.dy(), b.x(1), b.attrs()),
                                      by_weights(b.dy(), b.x(0), b.attrs(), b.x(1).shape())};
                            },
                            {}},
                   .kernel = kernel(ConvPass::by_data),
                   .reference = reference(ConvPass::by_data),
                   .domain = domain(ConvPass::by_data)});
  table.push_back({.name = "conv_weights",
                   .doc = "The adjoint of conv to its weights: x and y [n,oh,ow,cout] give weights "
                          "of `kernel`.",
                   .in = {"x", "y"},
                   .attrs = specs("kernel"),
                   .kind = Kind::general,
                   .type = [](const TypeContext& c) -> ResultType {
                     const ConvProblem p = checked(ConvPass::by_weights, c);
                     return {{p.h.taps, p.w.taps, p.cin / p.groups, p.cout}, DType::f32};
                   },
                   .grad = {[](const Back& b) -> std::vector<Expr> {
                              return {by_data(b.x(1), b.dy(), b.attrs(), b.x(0).shape()),
                                      forward(b.x(0), b.dy(), b.attrs())};
                            },
                            {}},
                   .kernel = kernel(ConvPass::by_weights),
                   .reference = reference(ConvPass::by_weights),
                   .domain = domain(ConvPass::by_weights)});
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
  const auto size = [&](const char* axis, int64_t n, int64_t k, int64_t stride, int64_t dilation,
                        int64_t before, int64_t after, int64_t more) {
    if (more < 0 || more >= std::max<int64_t>(stride, 1)) {
      throw UsageError("conv_transpose2d: an output padding of " + std::to_string(more) +
                           " with stride " + std::to_string(stride) + "; it is 0 to stride - 1",
                       where);
    }
    const int64_t s = (n - 1) * stride + dilation * (k - 1) + 1 - before - after + more;
    if (s < 1) {
      throw UsageError("conv_transpose2d: padding " + std::to_string(before) + " + " +
                           std::to_string(after) + " leaves no " + axis + "; at most " +
                           std::to_string(s + before + after - 1) + " fits",
                       where);
    }
    return s;
  };
  const Padding& p = o.padding;
  ops::Attrs attrs = ops::attrs_of(o);
  attrs.set("size", ops::pair(size("height", from[1], taps[0], o.stride.h, o.dilation.h, p.top,
                                   p.bottom, output_padding.h),
                              size("width", from[2], taps[1], o.stride.w, o.dilation.w, p.left,
                                   p.right, output_padding.w)));
  return ops::apply("conv_data", {y, weights}, std::move(attrs));
}

namespace {

/// A tensor of 3 axes with one of extent 1 put before axis `at`: a sequence as a picture of height
/// 1, the weights of a sequence as those of such a picture.
Expr raised(const char* op, const Arg& x, int at) {
  const Shape& from = x.expr().shape();
  if (from.rank() != 3) {
    throw UsageError(std::string(op) +
                         ": needs a sequence [n, l, c] and weights [k, cin, cout], found " +
                         from.text(),
                     ir::current_where(x.where()));
  }
  Shape to;
  for (int i = 0; i < 3; ++i) {
    if (i == at) to.push_back(1);
    to.push_back(from[i]);
  }
  return reshape(x, to);
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
