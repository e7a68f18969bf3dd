// The elementwise ops on one vector of floats, for tile.cc (one op a tile) and prebuilt.cc (chains
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

// X(name, arity, expression of vectors x, y, z); `d` is the tag, `zero` and `one` are constants.
#undef LATENT_TILE_OPS
#define LATENT_TILE_OPS(X)                                            \
  X(copy, 1, x)                                                       \
  X(neg, 1, hn::Neg(x))                                               \
  X(abs, 1, hn::Abs(x))                                               \
  X(sign, 1, sign(d, x))                                              \
  X(exp, 1, exp(d, x))                                                \
  X(log, 1, log(d, x))                                                \
  X(log1p, 1, log1p(d, x))                                            \
  X(expm1, 1, expm1(d, x))                                            \
  X(sqrt, 1, hn::Sqrt(x))                                             \
  X(reciprocal, 1, hn::Div(one, x))                                   \
  X(rsqrt, 1, hn::Div(one, hn::Sqrt(x)))                              \
  X(square, 1, hn::Mul(x, x))                                         \
  X(tanh, 1, tanh(d, x))                                              \
  X(sigmoid, 1, sigmoid(d, x))                                        \
  X(softplus, 1, softplus(d, x))                                      \
  X(relu, 1, hn::IfThenElse(hn::Le(x, zero), zero, x))                \
  X(erf, 1, erf(d, x))                                                \
  X(lgamma, 1, lgamma(d, x))                                          \
  X(digamma, 1, digamma(d, x))                                        \
  X(sin, 1, trigonometric<0>(d, x))                                   \
  X(cos, 1, trigonometric<1>(d, x))                                   \
  X(floor, 1, hn::Floor(x))                                           \
  X(step, 1, hn::IfThenElseZero(hn::Gt(x, zero), one))                \
  X(add, 2, hn::Add(x, y))                                            \
  X(sub, 2, hn::Sub(x, y))                                            \
  X(mul, 2, hn::Mul(x, y))                                            \
  X(div, 2, hn::Div(x, y))                                            \
  X(max, 2, hn::IfThenElse(hn::Or(hn::Gt(x, y), hn::IsNaN(x)), x, y)) \
  X(min, 2, hn::IfThenElse(hn::Or(hn::Lt(x, y), hn::IsNaN(x)), x, y)) \
  X(pow, 2, pow(d, x, y))                                             \
  X(greater, 2, hn::IfThenElseZero(hn::Gt(x, y), one))                \
  X(equal, 2, hn::IfThenElseZero(hn::Eq(x, y), one))                  \
  X(greater_equal, 2, hn::IfThenElseZero(hn::Ge(x, y), one))          \
  X(where, 3, hn::IfThenElse(hn::Eq(x, zero), z, y))

HWY_BEFORE_NAMESPACE();
namespace latent::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// At most 16 lanes: those of reduce.h.
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

HWY_INLINE V sign(D d, V x) {
  const V unit = hn::CopySign(hn::Set(d, 1.0f), x);
  // Zeros and NaN are their own sign.
  return hn::IfThenElse(hn::Gt(hn::Abs(x), hn::Zero(d)), unit, x);
}

/// sin (shift 0) or cos (shift 1). Lanes beyond the range of the vector code, rare, go one by one
/// to the C library; which way a lane goes depends on its value alone.
template <int kShift>
HWY_INLINE V trigonometric(D d, V x) {
  const V y = sin_shifted<kShift>(d, x);
  const auto inside = hn::Lt(hn::Abs(x), hn::Set(d, kTrigLimit));
  if (HWY_LIKELY(hn::AllTrue(d, inside))) return y;
  HWY_ALIGN float lanes[hn::MaxLanes(D())];
  hn::Store(x, d, lanes);
  for (float& lane : lanes) lane = kShift == 0 ? std::sin(lane) : std::cos(lane);
  return hn::IfThenElse(inside, y, hn::Load(d, lanes));
}

/// The C library's, lane by lane: e^(y ln x) in float32 loses far more than 4 ulp where the
/// exponent is large.
HWY_INLINE V pow(D d, V x, V y) {
  HWY_ALIGN float bases[hn::MaxLanes(D())];
  HWY_ALIGN float exponents[hn::MaxLanes(D())];
  hn::Store(x, d, bases);
  hn::Store(y, d, exponents);
  for (size_t i = 0; i < hn::MaxLanes(d); ++i) bases[i] = std::pow(bases[i], exponents[i]);
  return hn::Load(d, bases);
}

// One struct per op.
#define LATENT_DEFINE(op, arity, expression)                                     \
  struct op##_op {                                                               \
    static constexpr int kArity = arity;                                         \
    static HWY_INLINE V apply(V x, [[maybe_unused]] V y, [[maybe_unused]] V z) { \
      const D d;                                                                 \
      [[maybe_unused]] const V zero = hn::Zero(d);                               \
      [[maybe_unused]] const V one = hn::Set(d, 1.0f);                           \
      return expression;                                                         \
    }                                                                            \
  };
LATENT_TILE_OPS(LATENT_DEFINE)
#undef LATENT_DEFINE

}  // namespace HWY_NAMESPACE
}  // namespace latent::kernels
HWY_AFTER_NAMESPACE();

#endif
