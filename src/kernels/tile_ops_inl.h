// The elementwise ops on one vector of floats, for tile.cc (one op a tile) and named.cc (chains
// of ops in registers); included once per target, hence no `#pragma once`. LATENT_TILE_OPS lists
// every op with its expression; each becomes a struct `<name>_op`.
#if defined(LATENT_KERNELS_TILE_OPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LATENT_KERNELS_TILE_OPS_INL_H_
#undef LATENT_KERNELS_TILE_OPS_INL_H_
#else
#define LATENT_KERNELS_TILE_OPS_INL_H_
#endif

#include <cmath>

#include "hwy/highway.h"
#include "kernels/math_inl.h"

// X(name, arity, expression of vectors x, y, z); `zero` and `one` are constants.
#undef LATENT_TILE_OPS
#define LATENT_TILE_OPS(X)                                            \
  X(copy, 1, x)                                                       \
  X(neg, 1, hn::Neg(x))                                               \
  X(abs, 1, hn::Abs(x))                                               \
  X(sign, 1, sign(x))                                                 \
  X(exp, 1, exp(x))                                                   \
  X(log, 1, log(x))                                                   \
  X(log1p, 1, log1p(x))                                               \
  X(expm1, 1, expm1(x))                                               \
  X(sqrt, 1, hn::Sqrt(x))                                             \
  X(reciprocal, 1, hn::Div(one, x))                                   \
  X(rsqrt, 1, hn::Div(one, hn::Sqrt(x)))                              \
  X(square, 1, hn::Mul(x, x))                                         \
  X(tanh, 1, tanh(x))                                                 \
  X(sigmoid, 1, sigmoid(x))                                           \
  X(softplus, 1, softplus(x))                                         \
  X(relu, 1, hn::IfThenElse(hn::Le(x, zero), zero, x))                \
  X(erf, 1, erf(x))                                                   \
  X(lgamma, 1, lgamma(x))                                             \
  X(digamma, 1, digamma(x))                                           \
  X(sin, 1, trigonometric<0>(x))                                      \
  X(cos, 1, trigonometric<1>(x))                                      \
  X(floor, 1, hn::Floor(x))                                           \
  X(step, 1, hn::IfThenElseZero(hn::Gt(x, zero), one))                \
  X(add, 2, hn::Add(x, y))                                            \
  X(sub, 2, hn::Sub(x, y))                                            \
  X(mul, 2, hn::Mul(x, y))                                            \
  X(div, 2, hn::Div(x, y))                                            \
  X(max, 2, hn::IfThenElse(hn::Or(hn::Gt(x, y), hn::IsNaN(x)), x, y)) \
  X(min, 2, hn::IfThenElse(hn::Or(hn::Lt(x, y), hn::IsNaN(x)), x, y)) \
  X(pow, 2, pow(x, y))                                                \
  X(greater, 2, hn::IfThenElseZero(hn::Gt(x, y), one))                \
  X(equal, 2, hn::IfThenElseZero(hn::Eq(x, y), one))                  \
  X(greater_equal, 2, hn::IfThenElseZero(hn::Ge(x, y), one))          \
  X(where, 3, hn::IfThenElse(hn::Eq(x, zero), z, y))

HWY_BEFORE_NAMESPACE();
namespace latent::kernels {
namespace HWY_NAMESPACE {

HWY_INLINE V sign(V x) {
  const V unit = hn::CopySign(set(1.0f), x);
  // Zeros and NaN are their own sign.
  return hn::IfThenElse(hn::Gt(hn::Abs(x), hn::Zero(D())), unit, x);
}

/// sin (shift 0) or cos (shift 1). Lanes beyond the range of the vector code, rare, go one by one
/// to the C library; which way a lane goes depends on its value alone.
template <int kShift>
HWY_INLINE V trigonometric(V x) {
  const V y = sin_shifted<kShift>(x);
  const auto inside = hn::Lt(hn::Abs(x), set(kTrigLimit));
  if (HWY_LIKELY(hn::AllTrue(D(), inside))) return y;
  HWY_ALIGN float lanes[hn::MaxLanes(D())];
  hn::Store(x, D(), lanes);
  for (float& lane : lanes) lane = kShift == 0 ? std::sin(lane) : std::cos(lane);
  return hn::IfThenElse(inside, y, hn::Load(D(), lanes));
}

/// The C library's, lane by lane: e^(y ln x) in float32 loses far more than 4 ulp where the
/// exponent is large.
HWY_INLINE V pow(V x, V y) {
  HWY_ALIGN float bases[hn::MaxLanes(D())], exponents[hn::MaxLanes(D())];
  hn::Store(x, D(), bases);
  hn::Store(y, D(), exponents);
  for (size_t i = 0; i < hn::MaxLanes(D()); ++i) bases[i] = std::pow(bases[i], exponents[i]);
  return hn::Load(D(), bases);
}

// One struct per op.
#define LATENT_DEFINE(op, arity, expression)                                     \
  struct op##_op {                                                               \
    static constexpr int kArity = arity;                                         \
    static HWY_INLINE V apply(V x, [[maybe_unused]] V y, [[maybe_unused]] V z) { \
      [[maybe_unused]] const V zero = hn::Zero(D());                             \
      [[maybe_unused]] const V one = set(1.0f);                                  \
      return expression;                                                         \
    }                                                                            \
  };
LATENT_TILE_OPS(LATENT_DEFINE)
#undef LATENT_DEFINE

}  // namespace HWY_NAMESPACE
}  // namespace latent::kernels
HWY_AFTER_NAMESPACE();

#endif
