// Elementwise ops: one tile kernel each, found by name, applied to operands of one shape.
// Broadcasting is made explicit by broadcast_to nodes, so that kernels, gradients and the fuser see
// equal shapes only.
#include <algorithm>
#include <numbers>

#include "ops/family.h"

namespace latent {
namespace ops {

namespace {

ResultType same_shapes(const TypeContext& c) {
  for (size_t i = 0; i < c.shapes.size(); ++i) {
    expect_type(c, i, DType::f32);
    if (!(c.shapes[i] == c.shapes[0]))
      c.refuse("operands " + c.shapes[0].text() + " and " + c.shapes[i].text() + " differ");
  }
  return {c.shapes[0], DType::f32};
}

/// What an op computes of one element, in double, and of how many operands.
struct Scalar {
  std::vector<const char*> operands;
  ir::ScalarReference of;
  explicit Scalar(double (*f)(double))
      : operands{"x"}, of([f](const double* x) { return f(x[0]); }) {}
  explicit Scalar(double (*f)(double, double))
      : operands{"a", "b"}, of([f](const double* x) { return f(x[0], x[1]); }) {}
  explicit Scalar(double (*f)(double, double, double))
      : operands{"a", "b", "c"}, of([f](const double* x) { return f(x[0], x[1], x[2]); }) {}
};

double stable_sigmoid(double x) {
  return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}

/// The derivative of ln Gamma for x >= 0: up to 20 by the recurrence, then the asymptotic series
/// (Abramowitz and Stegun 1964, 6.3.5, 6.3.18).
double digamma_of(double x) {
  if (!(x >= 0)) return std::nan("");
  double y = 0;
  while (x < 20) y -= 1 / x++;
  const double r = 1 / (x * x);
  return y + std::log(x) - 0.5 / x -
         r * (1. / 12 - r * (1. / 120 - r * (1. / 252 - r * (1. / 240 - r * (1. / 132)))));
}

/// The derivative of digamma (the same, 6.4.6, 6.4.12) as graph code, from x + 6 on.
Expr trigamma(const Expr& x) {
  Expr y = square(reciprocal(x));
  for (int k = 1; k < 6; ++k) y = y + square(reciprocal(x + k));
  const Expr r = reciprocal(x + 6), s = square(r);
  return y + r + 0.5 * s +
         r * s * (1. / 6 - s * (1. / 30 - s * (1. / 42 - s * (1. / 30 - s * (5. / 66)))));
}

/// NumPy's broadcast of two shapes; throws when they do not fit.
Shape broadcast_shape(const char* op, const Shape& a, const Shape& b, Where where) {
  const int rank = std::max(a.rank(), b.rank());
  Shape s;
  for (int i = 0; i < rank; ++i) {
    const int ia = i - (rank - a.rank()), ib = i - (rank - b.rank());
    const int64_t da = ia < 0 ? 1 : a[ia], db = ib < 0 ? 1 : b[ib];
    if (da != db && da != 1 && db != 1) {
      throw UsageError(std::string(op) + ": shapes " + a.text() + " and " + b.text() +
                           " do not broadcast: axes must be equal or 1, compared from the last",
                       where);
    }
    s.push_back(da == 1 ? db : da);
  }
  return s;
}

Expr elementwise(const char* name, std::vector<Arg> args) {
  Graph& g = ir::graph_of(ir::find_op(name), args);
  const Where where = ir::current_where(args[0].where());
  At at(where);
  Shape shape;
  for (Arg& a : args) {
    if (a.is_number()) a = ir::expr_in(g, a);
    shape = broadcast_shape(name, shape, a.expr().shape(), where);
  }
  for (Arg& a : args) {
    if (a.expr().shape() != shape) a = broadcast_to(a, shape);
  }
  return ops::apply(name, args);
}

}  // namespace

void add_elementwise_ops(std::vector<Op>& table) {
  // The rule gives the cotangent of a single operand, a list for several, or is `flat`.
  const auto entry = [&](const char* name, const char* doc, const Scalar& f, const Domain& domain,
                         auto rule) {
    table.push_back({.name = name,
                     .doc = doc,
                     .in = f.operands,
                     .attrs = {},
                     .kind = Kind::elementwise,
                     .type = same_shapes,
                     .grad = [rule](const Back& b) -> std::vector<Expr> { return {rule(b)}; },
                     .kernel = ir::TileKernel{name},
                     .reference = f.of,
                     .domain = domain});
  };
  entry("neg", "-x", Scalar([](double x) { return -x; }), {},
        [](const Back& b) { return neg(b.dy); });
  entry("abs", "|x|", Scalar([](double x) { return std::abs(x); }), {.avoid = {0}},
        [](const Back& b) { return b.dy * sign(b.x(0)); });
  entry("sign", "-1, 0 or 1",
        Scalar([](double x) { return static_cast<double>((x > 0) - (x < 0)); }), {.avoid = {0}},
        flat);
  entry("exp", "e^x", Scalar([](double x) { return std::exp(x); }), {},
        [](const Back& b) { return b.dy * b.y(); });
  entry("log", "natural logarithm", Scalar([](double x) { return std::log(x); }),
        {.low = 0.1, .high = 4}, [](const Back& b) { return b.dy / b.x(0); });
  entry("log1p", "log(1 + x)", Scalar([](double x) { return std::log1p(x); }),
        {.low = -0.8, .high = 4}, [](const Back& b) { return b.dy / (1 + b.x(0)); });
  entry("expm1", "e^x - 1", Scalar([](double x) { return std::expm1(x); }), {},
        [](const Back& b) { return b.dy * (b.y() + 1); });
  entry("sqrt", "square root", Scalar([](double x) { return std::sqrt(x); }),
        {.low = 0.1, .high = 4}, [](const Back& b) { return b.dy * 0.5 / b.y(); });
  entry("reciprocal", "1 / x", Scalar([](double x) { return 1 / x; }), {.low = 0.2, .high = 3},
        [](const Back& b) { return -(b.dy * square(b.y())); });
  entry("rsqrt", "1 / sqrt(x)", Scalar([](double x) { return 1 / std::sqrt(x); }),
        {.low = 0.1, .high = 4},
        [](const Back& b) { return b.dy * (-0.5 * (b.y() * square(b.y()))); });
  entry("square", "x^2", Scalar([](double x) { return x * x; }), {},
        [](const Back& b) { return b.dy * (2 * b.x(0)); });
  entry("tanh", "hyperbolic tangent", Scalar([](double x) { return std::tanh(x); }), {},
        [](const Back& b) { return b.dy * (1 - square(b.y())); });
  entry("sigmoid", "1 / (1 + e^-x)", Scalar(stable_sigmoid), {.low = -6, .high = 6},
        [](const Back& b) { return b.dy * (b.y() * (1 - b.y())); });
  entry("softplus", "log(1 + e^x), exact for large |x|",
        Scalar([](double x) { return std::max(x, 0.) + std::log1p(std::exp(-std::abs(x))); }),
        {.low = -6, .high = 6}, [](const Back& b) { return b.dy * sigmoid(b.x(0)); });
  entry("relu", "max(x, 0); gradient 0 at 0", Scalar([](double x) { return x > 0 ? x : 0.; }),
        {.avoid = {0}}, [](const Back& b) { return b.dy * step(b.y()); });
  entry("erf", "error function", Scalar([](double x) { return std::erf(x); }), {},
        [](const Back& b) { return b.dy * (2 * std::numbers::inv_sqrtpi * exp(-square(b.x(0)))); });
  entry("lgamma", "ln Gamma(x), x >= 0",
        Scalar([](double x) { return x < 0 ? std::nan("") : std::lgamma(x); }),
        {.low = 0.1, .high = 30}, [](const Back& b) { return b.dy * digamma(b.x(0)); });
  entry("digamma", "derivative of ln Gamma(x), x >= 0", Scalar(digamma_of),
        {.low = 0.1, .high = 30}, [](const Back& b) { return b.dy * trigamma(b.x(0)); });
  entry("sin", "sine of radians", Scalar([](double x) { return std::sin(x); }), {},
        [](const Back& b) { return b.dy * cos(b.x(0)); });
  entry("cos", "cosine of radians", Scalar([](double x) { return std::cos(x); }),
        {.low = -1.4, .high = 1.4}, [](const Back& b) { return -(b.dy * sin(b.x(0))); });
  entry("floor", "largest integer not above x", Scalar([](double x) { return std::floor(x); }),
        {.avoid = {-2, -1, 0, 1, 2}}, flat);
  entry("step", "1 where x > 0, else 0", Scalar([](double x) { return x > 0 ? 1. : 0.; }),
        {.avoid = {0}}, flat);
  entry("add", "a + b", Scalar([](double a, double b) { return a + b; }), {}, [](const Back& b) {
    return std::vector{b.dy, b.dy};
  });
  entry("sub", "a - b", Scalar([](double a, double b) { return a - b; }), {}, [](const Back& b) {
    return std::vector{b.dy, neg(b.dy)};
  });
  entry("mul", "a * b", Scalar([](double a, double b) { return a * b; }), {}, [](const Back& b) {
    return std::vector{b.dy * b.x(1), b.dy * b.x(0)};
  });
  entry("div", "a / b", Scalar([](double a, double b) { return a / b; }), {.low = 0.3, .high = 3},
        [](const Back& b) {
          return std::vector{b.dy / b.x(1), -(b.dy * b.y() / b.x(1))};
        });
  entry(
      "pow", "a^b, a > 0", Scalar([](double a, double b) { return std::pow(a, b); }),
      {.low = 0.3, .high = 3, .tolerance = 1e-5}, [](const Back& b) {
        return std::vector{b.dy * (b.x(1) * pow(b.x(0), b.x(1) - 1)), b.dy * (b.y() * log(b.x(0)))};
      });
  entry("max", "larger of a and b; NaN propagates; an equal pair sends the gradient to a",
        Scalar([](double a, double b) { return std::max(a, b); }), {}, [](const Back& b) {
          const Expr first = greater_equal(b.x(0), b.x(1));
          return std::vector{b.dy * first, b.dy * (1 - first)};
        });
  entry("min", "smaller of a and b; NaN propagates; an equal pair sends the gradient to a",
        Scalar([](double a, double b) { return std::min(a, b); }), {}, [](const Back& b) {
          const Expr first = greater_equal(b.x(1), b.x(0));
          return std::vector{b.dy * first, b.dy * (1 - first)};
        });
  entry("greater", "1 where a > b, else 0",
        Scalar([](double a, double b) { return a > b ? 1. : 0.; }), {}, flat);
  entry("greater_equal", "1 where a >= b, else 0",
        Scalar([](double a, double b) { return a >= b ? 1. : 0.; }), {}, flat);
  entry("equal", "1 where a == b, else 0",
        Scalar([](double a, double b) { return a == b ? 1. : 0.; }), {}, flat);
  entry("where", "b where a != 0, else c",
        Scalar([](double a, double b, double c) { return a != 0 ? b : c; }), {}, [](const Back& b) {
          const Expr zero = b.dy * 0;
          return std::vector{Expr{}, where(b.x(0), b.dy, zero), where(b.x(0), zero, b.dy)};
        });
  table.push_back(
      {.name = "cast",
       .doc = "Conversion; f32 to i32 truncates toward zero, f32 to bf16 rounds to nearest even.",
       .in = {"x"},
       .attrs = {{"dtype", AttrKind::word}},
       .kind = Kind::elementwise,
       .type = [](const TypeContext& c) -> ResultType {
         const DType to = dtype_named(c.attrs.word("dtype"));
         const bool known = (c.dtypes[0] == DType::f32) != (to == DType::f32) &&
                            c.dtypes[0] != DType::f64 && to != DType::f64 && to != DType::u8;
         if (!known)
           c.refuse(std::string("no conversion from ") + name_of(c.dtypes[0]) + " to " +
                    name_of(to));
         return {c.shapes[0], to};
       },
       .grad = [](const Back& b) -> std::vector<Expr> {
         const DType from = b.x(0).dtype();
         if (from == DType::i32 || from == DType::u8 || b.y().dtype() == DType::i32) return {};
         return {cast(b.dy, from)};
       },
       .kernel = ir::CastKernel{},
       .reference = ir::TensorReference([](const RefCall& c) {
         const bool whole = c.node.dtype == DType::i32;
         for (size_t i = 0; i < c.out.v.size(); ++i)
           c.out.v[i] = whole ? std::trunc(c.in[0]->v[i]) : c.in[0]->v[i];
       }),
       .domain = {.cases = {{{{3, 5}}, {{"dtype", std::string("f32")}}, {DType::i32}},
                            {{{4}}, {{"dtype", std::string("i32")}}, {DType::f32}}}}});
  table.push_back({.name = "scale_gradient",
                   .doc = "x forward; the gradient is multiplied by w.",
                   .in = {"x", "w"},
                   .attrs = {},
                   .kind = Kind::elementwise,
                   .type = same_shapes,
                   .grad = [](const Back& b) -> std::vector<Expr> {
                     return {b.dy * b.x(1), Expr{}};
                   },
                   .kernel = ir::TileKernel{"copy"},
                   .reference = [](const double* x) { return x[0]; },
                   .domain = {}});
}

}  // namespace ops

#define LATENT_UNARY(f) \
  Expr f(Arg x) { return ops::elementwise(#f, {x}); }
#define LATENT_BINARY(f) \
  Expr f(Arg a, Arg b) { return ops::elementwise(#f, {a, b}); }
LATENT_UNARY(neg)
LATENT_UNARY(abs)
LATENT_UNARY(sign)
LATENT_UNARY(exp)
LATENT_UNARY(log)
LATENT_UNARY(log1p)
LATENT_UNARY(expm1)
LATENT_UNARY(sqrt)
LATENT_UNARY(reciprocal)
LATENT_UNARY(rsqrt)
LATENT_UNARY(square)
LATENT_UNARY(tanh)
LATENT_UNARY(sigmoid)
LATENT_UNARY(softplus)
LATENT_UNARY(relu)
LATENT_UNARY(erf)
LATENT_UNARY(lgamma)
LATENT_UNARY(digamma)
LATENT_UNARY(sin)
LATENT_UNARY(cos)
LATENT_UNARY(floor)
LATENT_UNARY(step)
LATENT_BINARY(add)
LATENT_BINARY(sub)
LATENT_BINARY(mul)
LATENT_BINARY(div)
LATENT_BINARY(pow)
LATENT_BINARY(max)
LATENT_BINARY(min)
LATENT_BINARY(greater)
LATENT_BINARY(greater_equal)
LATENT_BINARY(equal)
#undef LATENT_UNARY
#undef LATENT_BINARY

Expr where(Arg condition, Arg then, Arg otherwise) {
  return ops::elementwise("where", {condition, then, otherwise});
}
Expr cast(Arg x, DType dtype) {
  if (!x.is_number() && x.expr().dtype() == dtype) return x.expr();
  return ops::apply("cast", {x}, {{"dtype", std::string(name_of(dtype))}});
}
Expr scale_gradient(Arg x, Arg w) {
  if (w.is_number() || w.expr().shape() == x.expr().shape())
    return ops::elementwise("scale_gradient", {x, w});
  return ops::elementwise("scale_gradient", {x, broadcast_to(w, x.expr().shape())});
}

}  // namespace latent
