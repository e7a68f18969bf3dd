// Elementwise ops: one tile kernel each, found by name, applied to operands of one shape.
// Broadcasting is made explicit by broadcast_to nodes, so that kernels, gradients and the fuser see
// equal shapes only.
#include <algorithm>

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

using Rule = std::function<std::vector<Expr>(const Back&)>;
using R = ir::ScalarReference;

struct Entry {
  const char* name;
  const char* doc;
  int arity;
  Rule grad;
  R reference;
  Domain domain;
};

Rule flat(int arity) {  // zero almost everywhere
  return [arity](const Back&) { return std::vector<Expr>(static_cast<size_t>(arity)); };
}

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

std::vector<Entry> entries() {
  const double inv_sqrt_pi_2 = 1.1283791670955126;  // 2 / sqrt(pi)
  return {
      {"neg",
       "-x",
       1,
       [](const Back& b) { return std::vector{neg(b.dy())}; },
       [](const double* x) { return -x[0]; },
       {}},
      {"abs",
       "|x|",
       1,
       [](const Back& b) { return std::vector{b.dy() * sign(b.x(0))}; },
       [](const double* x) { return std::abs(x[0]); },
       {.avoid = {0}}},
      {"sign",
       "-1, 0 or 1",
       1,
       flat(1),
       [](const double* x) { return x[0] > 0   ? 1.
                                    : x[0] < 0 ? -1.
                                               : 0.; },
       {.avoid = {0}}},
      {"exp",
       "e^x",
       1,
       [](const Back& b) { return std::vector{b.dy() * b.y()}; },
       [](const double* x) { return std::exp(x[0]); },
       {}},
      {"log",
       "natural logarithm",
       1,
       [](const Back& b) { return std::vector{b.dy() / b.x(0)}; },
       [](const double* x) { return std::log(x[0]); },
       {.low = 0.1, .high = 4}},
      {"log1p",
       "log(1 + x)",
       1,
       [](const Back& b) { return std::vector{b.dy() / (1 + b.x(0))}; },
       [](const double* x) { return std::log1p(x[0]); },
       {.low = -0.8, .high = 4}},
      {"expm1",
       "e^x - 1",
       1,
       [](const Back& b) { return std::vector{b.dy() * (b.y() + 1)}; },
       [](const double* x) { return std::expm1(x[0]); },
       {}},
      {"sqrt",
       "square root",
       1,
       [](const Back& b) { return std::vector{b.dy() * 0.5 / b.y()}; },
       [](const double* x) { return std::sqrt(x[0]); },
       {.low = 0.1, .high = 4}},
      {"reciprocal",
       "1 / x",
       1,
       [](const Back& b) { return std::vector{-(b.dy() * square(b.y()))}; },
       [](const double* x) { return 1 / x[0]; },
       {.low = 0.2, .high = 3}},
      {"rsqrt",
       "1 / sqrt(x)",
       1,
       [](const Back& b) { return std::vector{b.dy() * (-0.5 * (b.y() * square(b.y())))}; },
       [](const double* x) { return 1 / std::sqrt(x[0]); },
       {.low = 0.1, .high = 4}},
      {"square",
       "x^2",
       1,
       [](const Back& b) { return std::vector{b.dy() * (2 * b.x(0))}; },
       [](const double* x) { return x[0] * x[0]; },
       {}},
      {"tanh",
       "hyperbolic tangent",
       1,
       [](const Back& b) { return std::vector{b.dy() * (1 - square(b.y()))}; },
       [](const double* x) { return std::tanh(x[0]); },
       {}},
      {"sigmoid",
       "1 / (1 + e^-x)",
       1,
       [](const Back& b) { return std::vector{b.dy() * (b.y() * (1 - b.y()))}; },
       [](const double* x) { return stable_sigmoid(x[0]); },
       {.low = -6, .high = 6}},
      {"softplus",
       "log(1 + e^x), exact for large |x|",
       1,
       [](const Back& b) { return std::vector{b.dy() * sigmoid(b.x(0))}; },
       [](const double* x) { return std::max(x[0], 0.) + std::log1p(std::exp(-std::abs(x[0]))); },
       {.low = -6, .high = 6}},
      {"relu",
       "max(x, 0); gradient 0 at 0",
       1,
       [](const Back& b) { return std::vector{b.dy() * step(b.y())}; },
       [](const double* x) { return x[0] > 0 ? x[0] : 0.; },
       {.avoid = {0}}},
      {"erf",
       "error function",
       1,
       [inv_sqrt_pi_2](const Back& b) {
         return std::vector{b.dy() * (inv_sqrt_pi_2 * exp(-square(b.x(0))))};
       },
       [](const double* x) { return std::erf(x[0]); },
       {}},
      {"lgamma",
       "ln Gamma(x), x >= 0",
       1,
       [](const Back& b) { return std::vector{b.dy() * digamma(b.x(0))}; },
       [](const double* x) { return x[0] < 0 ? std::nan("") : std::lgamma(x[0]); },
       {.low = 0.1, .high = 30}},
      {"digamma",
       "derivative of ln Gamma(x), x >= 0",
       1,
       [](const Back& b) { return std::vector{b.dy() * trigamma(b.x(0))}; },
       [](const double* x) { return digamma_of(x[0]); },
       {.low = 0.1, .high = 30}},
      {"sin",
       "sine of radians",
       1,
       [](const Back& b) { return std::vector{b.dy() * cos(b.x(0))}; },
       [](const double* x) { return std::sin(x[0]); },
       {}},
      {"cos",
       "cosine of radians",
       1,
       [](const Back& b) { return std::vector{-(b.dy() * sin(b.x(0)))}; },
       [](const double* x) { return std::cos(x[0]); },
       {.low = -1.4, .high = 1.4}},
      {"floor",
       "largest integer not above x",
       1,
       flat(1),
       [](const double* x) { return std::floor(x[0]); },
       {.avoid = {-2, -1, 0, 1, 2}}},
      {"step",
       "1 where x > 0, else 0",
       1,
       flat(1),
       [](const double* x) { return x[0] > 0 ? 1. : 0.; },
       {.avoid = {0}}},
      {"add",
       "a + b",
       2,
       [](const Back& b) {
         return std::vector{b.dy(), b.dy()};
       },
       [](const double* x) { return x[0] + x[1]; },
       {}},
      {"sub",
       "a - b",
       2,
       [](const Back& b) {
         return std::vector{b.dy(), neg(b.dy())};
       },
       [](const double* x) { return x[0] - x[1]; },
       {}},
      {"mul",
       "a * b",
       2,
       [](const Back& b) {
         return std::vector{b.dy() * b.x(1), b.dy() * b.x(0)};
       },
       [](const double* x) { return x[0] * x[1]; },
       {}},
      {"div",
       "a / b",
       2,
       [](const Back& b) {
         return std::vector{b.dy() / b.x(1), -(b.dy() * b.y() / b.x(1))};
       },
       [](const double* x) { return x[0] / x[1]; },
       {.low = 0.3, .high = 3}},
      {"pow",
       "a^b, a > 0",
       2,
       [](const Back& b) {
         return std::vector{b.dy() * (b.x(1) * pow(b.x(0), b.x(1) - 1)),
                            b.dy() * (b.y() * log(b.x(0)))};
       },
       [](const double* x) { return std::pow(x[0], x[1]); },
       {.low = 0.3, .high = 3, .tolerance = 1e-5}},
      {"max",
       "larger of a and b; NaN propagates; an equal pair sends the gradient to a",
       2,
       [](const Back& b) {
         const Expr first = greater_equal(b.x(0), b.x(1));
         return std::vector{b.dy() * first, b.dy() * (1 - first)};
       },
       [](const double* x) { return std::max(x[0], x[1]); },
       {}},
      {"min",
       "smaller of a and b; NaN propagates; an equal pair sends the gradient to a",
       2,
       [](const Back& b) {
         const Expr first = greater_equal(b.x(1), b.x(0));
         return std::vector{b.dy() * first, b.dy() * (1 - first)};
       },
       [](const double* x) { return std::min(x[0], x[1]); },
       {}},
      {"greater",
       "1 where a > b, else 0",
       2,
       flat(2),
       [](const double* x) { return x[0] > x[1] ? 1. : 0.; },
       {}},
      {"greater_equal",
       "1 where a >= b, else 0",
       2,
       flat(2),
       [](const double* x) { return x[0] >= x[1] ? 1. : 0.; },
       {}},
      {"equal",
       "1 where a == b, else 0",
       2,
       flat(2),
       [](const double* x) { return x[0] == x[1] ? 1. : 0.; },
       {}},
      {"where",
       "b where a != 0, else c",
       3,
       [](const Back& b) {
         const Expr zero = b.dy() * 0;
         return std::vector{Expr{}, where(b.x(0), b.dy(), zero), where(b.x(0), zero, b.dy())};
       },
       [](const double* x) { return x[0] != 0 ? x[1] : x[2]; },
       {}},
  };
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
  std::vector<Expr> in;
  for (const Arg& a : args)
    in.push_back(a.expr().shape() == shape ? a.expr() : broadcast_to(a, shape));
  return ir::apply(g, ir::find_op(name), in, {}, where);
}

}  // namespace

void add_elementwise_ops(std::vector<Op>& table) {
  static const std::vector<const char*> operands[] = {{}, {"x"}, {"a", "b"}, {"a", "b", "c"}};
  for (Entry& e : entries()) {
    table.push_back({.name = e.name,
                     .doc = e.doc,
                     .in = operands[e.arity],
                     .attrs = {},
                     .kind = Kind::elementwise,
                     .type = same_shapes,
                     .grad = {e.grad, {}},
                     .kernel = ir::TileKernel{e.name},
                     .reference = e.reference,
                     .domain = e.domain});
  }
  table.push_back(
      {.name = "cast",
       .doc = "Conversion; f32 to i32 truncates toward zero, f32 to bf16 rounds to nearest even.",
       .in = {"x"},
       .attrs = {{"dtype", ir::AttrKind::word}},
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
       .grad = {[](const Back& b) {
                  const DType from = b.x(0).dtype();
                  if (from == DType::i32 || from == DType::u8 || b.y().dtype() == DType::i32)
                    return std::vector{Expr{}};
                  return std::vector{cast(b.dy(), from)};
                },
                {}},
       .kernel = ir::CastKernel{},
       .reference = ir::TensorReference([](const RefCall& c) {
         const bool whole = c.node.dtype == DType::i32;
         for (size_t i = 0; i < c.out.v.size(); ++i)
           c.out.v[i] = whole ? std::trunc(c.in[0]->v[i]) : c.in[0]->v[i];
       }),
       .domain = {
           .cases = {{{{3, 5}}, {{"dtype", std::string("f32")}}, {DType::i32}},
                     {{{4}}, {{"dtype", std::string("i32")}}, {DType::f32}}},
       }});
  table.push_back({.name = "scale_gradient",
                   .doc = "x forward; the gradient is multiplied by w.",
                   .in = {"x", "w"},
                   .attrs = {},
                   .kind = Kind::elementwise,
                   .type = same_shapes,
                   .grad = {[](const Back& b) {
                              return std::vector{b.dy() * b.x(1), Expr{}};
                            },
                            {}},
                   .kernel = ir::TileKernel{"copy"},
                   .reference = ir::ScalarReference([](const double* x) { return x[0]; }),
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
