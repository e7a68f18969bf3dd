// Elementary functions on Highway vectors of float, for tile_ops_inl.h and random.cc; included once
// per target, hence no `#pragma once`. Polynomials are minimax fits made for this file; each
// comment gives the range and the largest error of the exact polynomial relative to the function.
// Targets without fused multiply-add round differently in the last bit, so bits may differ between
// targets, never between lanes.
#if defined(LATENT_KERNELS_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LATENT_KERNELS_MATH_INL_H_
#undef LATENT_KERNELS_MATH_INL_H_
#else
#define LATENT_KERNELS_MATH_INL_H_
#endif

#include <cmath>
#include <cstdint>
#include <limits>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace latent::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// At most 16 lanes: those of reduce.h.
using D = hn::CappedTag<float, 16>;
using I = hn::RebindToSigned<D>;
using V = hn::Vec<D>;
using VI = hn::Vec<I>;

HWY_INLINE V set(float x) { return hn::Set(D(), x); }
HWY_INLINE VI set_int(int32_t k) { return hn::Set(I(), k); }

/// c0 + x (c1 + x (c2 + ...)).
HWY_INLINE V polynomial(V /*x*/, float c0) { return set(c0); }
template <class... C>
HWY_INLINE V polynomial(V x, float c0, C... rest) {
  return hn::MulAdd(polynomial(x, rest...), x, set(c0));
}

/// 2^k for k in [-126, 127].
HWY_INLINE V power_of_two(VI k) {
  return hn::BitCast(D(), hn::ShiftLeft<23>(hn::Add(k, set_int(127))));
}

// ln 2 in two parts; the first is 355/512, so its product with an exponent is exact.
inline constexpr float kLn2High = 0.693359375f;
inline constexpr float kLn2Low = -2.12194440e-4f;

/// x scale rounded to an integer, below 2^22.
struct Rounded {
  V value;
  VI k;
};
HWY_INLINE Rounded rounded_product(V x, float scale) {
  // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
  const V magic = set(12582912.0f), shifted = hn::MulAdd(x, set(scale), magic);
  return {hn::Sub(shifted, magic), hn::Sub(hn::BitCast(I(), shifted), hn::BitCast(I(), magic))};
}

/// x = k ln 2 + r with |r| <= ln(2)/2 (1 + 2^-10), for |x| <= 110; m1 = e^r - 1 with relative
/// error 1.4e-8.
struct ExpParts {
  VI k;
  V m1;
};

HWY_INLINE ExpParts exp_parts(V x) {
  const auto [kf, k] = rounded_product(x, 1.44269504f);
  V r = hn::NegMulAdd(kf, set(kLn2High), x);
  r = hn::NegMulAdd(kf, set(kLn2Low), r);
  const V p = polynomial(r, 0.5f, 0.166665375f, 0.041666612f, 0.00836730096f, 0.00139175367f);
  return {k, hn::MulAdd(hn::Mul(r, r), p, r)};
}

/// x limited to [low, high]; NaN stays NaN.
HWY_INLINE V clamp(V x, float low, float high) {
  x = hn::IfThenElse(hn::Gt(x, set(high)), set(high), x);
  return hn::IfThenElse(hn::Lt(x, set(low)), set(low), x);
}

/// e^x; +inf above 88.73, denormal below -87.3, 0 below -103.98.
HWY_INLINE V exp(V x) {
  const ExpParts e = exp_parts(clamp(x, -104.0f, 89.0f));
  // k is in [-150, 128]: scaled in two steps, of which only the second can leave the normal range.
  const auto half = hn::ShiftRight<1>(e.k);
  const V y = hn::Add(e.m1, set(1.0f));
  return hn::Mul(hn::Mul(y, power_of_two(half)), power_of_two(hn::Sub(e.k, half)));
}

/// e^x for x <= 0 or NaN. One scaling step: results below 2^-126 become 0.
HWY_INLINE V exp_of_negative(V x) {
  const V low = set(-87.33654f);
  const ExpParts e = exp_parts(hn::IfThenElse(hn::Lt(x, low), low, x));
  const V scale = power_of_two(e.k);
  const V y = hn::MulAdd(e.m1, scale, scale);
  return hn::IfThenElse(hn::Lt(x, low), hn::Zero(D()), y);
}

/// e^x - 1, of the sign of x.
HWY_INLINE V expm1(V x) {
  const ExpParts e = exp_parts(clamp(x, -20.0f, 89.0f));
  // 2^(k-1) stays finite at k = 128; the doubling is exact or overflows as it should.
  const V scale = power_of_two(hn::Sub(e.k, set_int(1)));
  const V half = hn::MulAdd(scale, e.m1, hn::Sub(scale, set(0.5f)));
  return hn::CopySign(hn::Add(half, half), x);
}

/// k ln 2 + ln(1 + f) for f in [sqrt(1/2) - 1, sqrt(2) - 1]; 2.8e-9.
HWY_INLINE V log_of_parts(VI k, V f) {
  const V kf = hn::ConvertTo(D(), k);
  const V p = polynomial(f, 0.333333135f, -0.250001699f, 0.20002225f, -0.166592136f, 0.142094344f,
                         -0.125521123f, 0.121118784f, -0.109042265f, 0.0532010421f);
  const V f2 = hn::Mul(f, f);
  V y = hn::MulAdd(kf, set(kLn2Low), hn::Mul(hn::Mul(f2, f), p));
  y = hn::NegMulAdd(f2, set(0.5f), y);
  return hn::MulAdd(kf, set(kLn2High), hn::Add(f, y));
}

/// k such that x 2^-k is in [sqrt(1/2), sqrt(2)), for normal positive x.
HWY_INLINE VI log_exponent(V x) {
  return hn::ShiftRight<23>(hn::Sub(hn::BitCast(I(), x), set_int(0x3f3504f3)));
}

/// x 2^-k for the k of log_exponent.
HWY_INLINE V log_mantissa(V x, VI k) {
  return hn::BitCast(D(), hn::Sub(hn::BitCast(I(), x), hn::ShiftLeft<23>(k)));
}

/// `y` where `argument` is positive and finite; -inf at 0, NaN below, the argument itself at +inf
/// and NaN.
HWY_INLINE V log_edges(V argument, V y) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const V zero = hn::Zero(D());
  y = hn::IfThenElse(hn::Lt(argument, set(kInf)), y, argument);
  y = hn::IfThenElse(hn::Eq(argument, zero), set(-kInf), y);
  return hn::IfThenElse(hn::Lt(argument, zero), set(std::numeric_limits<float>::quiet_NaN()), y);
}

HWY_INLINE V log(V x) {
  // Denormals are scaled by 2^25 into the normal range.
  const auto tiny = hn::Lt(x, set(std::numeric_limits<float>::min()));
  const V scaled = hn::IfThenElse(tiny, hn::Mul(x, set(33554432.0f)), x);
  const auto k = log_exponent(scaled);
  const V f = hn::Sub(log_mantissa(scaled, k), set(1.0f));
  const auto shift = hn::BitCast(I(), hn::IfThenElseZero(tiny, hn::BitCast(D(), set_int(25))));
  return log_edges(x, log_of_parts(hn::Sub(k, shift), f));
}

/// ln(1 + x) for finite x > -1 or NaN.
HWY_INLINE V log1p_inside(V x) {
  const auto k = log_exponent(hn::Add(x, set(1.0f)));
  // f = (1 + x) 2^-k - 1 with one rounding; four times it, because 2^(2-k) is normal for every k in
  // [-24, 128].
  const V scale = power_of_two(hn::Sub(set_int(2), k));
  const V f4 = hn::MulAdd(x, scale, hn::Sub(scale, set(4.0f)));
  return log_of_parts(k, hn::Mul(f4, set(0.25f)));
}

/// ln(1 + x), of the sign of x.
HWY_INLINE V log1p(V x) {
  const V y = log_edges(hn::Add(x, set(1.0f)), log1p_inside(x));
  return hn::CopySign(y, x);
}

/// max(x, 0) + ln(1 + e^-|x|).
HWY_INLINE V softplus(V x) {
  const V tail = log1p_inside(exp_of_negative(hn::Neg(hn::Abs(x))));
  return hn::Add(hn::IfThenElseZero(hn::Gt(x, hn::Zero(D())), x), tail);
}

/// 1 / (1 + e^-x), as e^x / (1 + e^x) for x < 0: the exponential is that of softplus, computed once
/// where a loss holds both.
HWY_INLINE V sigmoid(V x) {
  const V one = set(1.0f);
  const V e = exp_of_negative(hn::Neg(hn::Abs(x)));
  return hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(D())), e, one), hn::Add(one, e));
}

/// -m / (m + 2) with m = e^(-2|x|) - 1.
HWY_INLINE V tanh(V x) {
  const V minus_two_abs = hn::Mul(hn::Abs(x), set(-2.0f));
  const V low = set(-20.0f);
  const ExpParts e = exp_parts(hn::IfThenElse(hn::Lt(minus_two_abs, low), low, minus_two_abs));
  const V scale = power_of_two(e.k);
  const V m = hn::MulAdd(scale, e.m1, hn::Sub(scale, set(1.0f)));
  return hn::CopySign(hn::Div(m, hn::Add(m, set(2.0f))), x);
}

HWY_INLINE V erf(V x) {
  // |x| < 1: x + x p(x^2); 1.4e-9.
  const V x2 = hn::Mul(x, x);
  const V p = polynomial(x2, 0.128379166f, -0.37612626f, 0.112835787f, -0.0268533472f,
                         0.0051871622f, -0.00079978531f, 7.80690389e-05f);
  const V inner = hn::MulAdd(x, p, x);
  // |x| in [1, 4]: 1 - e^-q(|x|); 3.8e-11. Beyond 3.92 the result is 1.
  const V a = hn::Abs(x);
  const V four = set(4.0f);
  const V t = hn::IfThenElse(hn::Gt(a, four), four, a);
  const V q = polynomial(t, -0.000188468446f, 1.12958026f, 0.633216619f, 0.108421713f,
                         -0.0252099913f, 0.00420511654f, -0.000441432901f, 2.16942244e-05f);
  const V one = set(1.0f);
  const V outer = hn::CopySign(hn::Sub(one, exp_of_negative(hn::Neg(q))), x);
  return hn::IfThenElse(hn::Lt(a, one), inner, outer);
}

/// sin and cos of r in [-pi/4, pi/4]; 4.0e-9 and 1.2e-10.
HWY_INLINE void sin_cos_of_octant(V r, V* sine, V* cosine) {
  const V r2 = hn::Mul(r, r);
  const V s = polynomial(r2, -0.166666552f, 0.00833218824f, -0.000195180852f);
  const V c = polynomial(r2, 0.0416666456f, -0.00138873095f, 2.44323273e-05f);
  *sine = hn::MulAdd(hn::Mul(r2, r), s, r);
  *cosine = hn::MulAdd(hn::Mul(r2, r2), c, hn::NegMulAdd(r2, set(0.5f), set(1.0f)));
}

/// The sine of r + quadrant * pi/2, given those of r; the quadrant counts modulo 4.
HWY_INLINE V sine_in_quadrant(VI quadrant, V sine, V cosine) {
  const auto one = set_int(1);
  const auto odd = hn::RebindMask(D(), hn::Eq(hn::And(quadrant, one), one));
  const V sign = hn::And(hn::SignBit(D()), hn::BitCast(D(), hn::ShiftLeft<30>(quadrant)));
  return hn::Xor(hn::IfThenElse(odd, cosine, sine), sign);
}

inline constexpr float kTrigLimit = 8192.0f;

/// sin (shift 0) or cos (shift 1) for |x| < kTrigLimit: absolute error 1e-7.
template <int kShift>
HWY_INLINE V sin_shifted(V x) {
  const auto [kf, k] = rounded_product(x, 0.636619772f);
  // pi/2 in three parts; the first two have 11 significant bits or fewer, so their products with k
  // are exact.
  V r = hn::NegMulAdd(kf, set(1.5703125f), x);
  r = hn::NegMulAdd(kf, set(4.837512969970703125e-4f), r);
  r = hn::NegMulAdd(kf, set(7.54978995489188216e-8f), r);
  V sine, cosine;
  sin_cos_of_octant(r, &sine, &cosine);
  return sine_in_quadrant(hn::Add(k, set_int(kShift)), sine, cosine);
}

/// Steps from x >= top down to the first of x - 1, x - 2, .. below `top`; at most kSteps.
template <int kSteps, class Visit>
HWY_INLINE V step_down(V x, float top, const Visit& visit) {
  const V one = set(1.0f);
  for (int i = 0; i < kSteps; ++i) {
    const auto above = hn::Ge(x, set(top));
    x = hn::IfThenElse(above, hn::Sub(x, one), x);
    visit(above, x);
  }
  return x;
}

/// ln Gamma(x) for x >= 0, +inf at both ends; NaN below. Around its zeros 1 and 2 a polynomial
/// times the distance (3.3e-9, 5.3e-10), up to 8.5 the recurrence, then Stirling's series.
HWY_INLINE V lgamma(V x) {
  const V one = set(1.0f), half = set(0.5f);
  const auto small = hn::Lt(x, half), large = hn::Ge(x, set(8.5f));
  V product = one;
  const V t = step_down<6>(x, 2.5f, [&](auto above, V y) {
    product = hn::IfThenElse(above, hn::Mul(product, y), product);
  });
  const auto near_one = hn::Lt(t, set(1.5f));
  V u = hn::Sub(t, hn::IfThenElse(near_one, one, set(2.0f)));
  u = hn::IfThenElse(small, x, u);  // ln Gamma(x) = ln Gamma(1 + x) - ln x
  const V p1 = polynomial(u, -0.577215672f, 0.822467029f, -0.400685191f, 0.270580381f,
                          -0.207414359f, 0.169584349f, -0.143374473f, 0.12487264f, -0.118744582f,
                          0.107086711f, -0.0505540147f, 0.0452779755f, -0.177682877f, 0.166292787f);
  const V p2 = polynomial(u, 0.422784328f, 0.322467029f, -0.06735228f, 0.0205808003f,
                          -0.00738617405f, 0.00289079524f, -0.00118586002f, 0.000506517128f,
                          -0.000253817096f, 0.000113472808f);
  const V argument = hn::IfThenElse(hn::Or(small, large), x, product);
  const V logarithm = log(argument);
  V y = hn::Mul(u, hn::IfThenElse(near_one, p1, p2));
  y = hn::Add(y, hn::IfThenElse(small, hn::Neg(logarithm), logarithm));
  const V r = hn::Div(one, x), s = hn::Mul(r, r);
  const V series = hn::MulAdd(r, polynomial(s, 1.0f / 12, -1.0f / 360, 1.0f / 1260),
                              set(0.418938533f));  // ln(2 pi) / 2 - 1 / 2
  const V stirling = hn::MulAdd(hn::Sub(x, half), hn::Sub(logarithm, one), series);
  y = hn::IfThenElse(large, stirling, y);
  return hn::IfThenElse(hn::Lt(x, hn::Zero(D())), hn::NaN(D()), y);
}

/// The derivative of lgamma: -inf at 0, NaN below. Around its zero a polynomial times the distance
/// (4.2e-9), below 1 and up to 6 the recurrence, then the asymptotic series.
HWY_INLINE V digamma(V x) {
  const V one = set(1.0f);
  const auto small = hn::Lt(x, one), large = hn::Ge(x, set(6.0f));
  V steps = hn::Zero(D());
  V t = step_down<4>(x, 2.5f, [&](auto above, V y) {
    steps = hn::IfThenElse(above, hn::Add(steps, hn::Div(one, y)), steps);
  });
  t = hn::IfThenElse(small, hn::Add(x, one), t);
  const V reciprocal = hn::Div(one, x);
  steps = hn::IfThenElse(small, hn::Neg(reciprocal), steps);
  // The zero, 1.46163214496836, in two parts.
  const V u = hn::Sub(hn::Sub(t, set(1.4616321f)), set(1.24381499e-8f));
  const V p = polynomial(u, 0.967672229f, -0.44276315f, 0.258499146f, -0.163943529f, 0.107842326f,
                         -0.0722062439f, 0.0486152135f, -0.0328903459f, 0.0232335962f,
                         -0.0171749089f, 0.0110823009f, -0.00470227236f, 0.000902276719f);
  const V middle = hn::MulAdd(u, p, steps);
  const V s = hn::Mul(reciprocal, reciprocal);
  const V series = polynomial(s, 1.0f / 12, -1.0f / 120, 1.0f / 252);
  V y = hn::NegMulAdd(set(0.5f), reciprocal, log(x));
  y = hn::IfThenElse(large, hn::NegMulAdd(s, series, y), middle);
  return hn::IfThenElse(hn::Lt(x, hn::Zero(D())), hn::NaN(D()), y);
}

}  // namespace HWY_NAMESPACE
}  // namespace latent::kernels
HWY_AFTER_NAMESPACE();

#endif  // LATENT_KERNELS_MATH_INL_H_
