// Elementwise kernels on tiles, compiled once per instruction set (Highway). LATENT_TILE_OPS lists
// every op with its expression on one vector; `run_tile` walks a tile, and each target has a table
// of its ops.
#include "kernels/tile.h"

#include <cmath>
#include <cstring>
#include <span>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tile.cc"
#include "hwy/foreach_target.h"
// foreach_target must come before these.
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
  X(square, 1, hn::Mul(x, x))                                         \
  X(tanh, 1, tanh(d, x))                                              \
  X(sigmoid, 1, sigmoid(d, x))                                        \
  X(softplus, 1, softplus(d, x))                                      \
  X(relu, 1, hn::IfThenElse(hn::Le(x, zero), zero, x))                \
  X(erf, 1, erf(d, x))                                                \
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

using D = hn::ScalableTag<float>;
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

/// One vector of the tile, from element i on.
template <class Op>
HWY_INLINE void run_vector(float* dst, const float* a, const float* b, const float* c, size_t i) {
  const D d;
  const V x = hn::LoadU(d, a + i);
  V y = x, z = x;
  if constexpr (Op::kArity > 1) y = hn::LoadU(d, b + i);
  if constexpr (Op::kArity > 2) z = hn::LoadU(d, c + i);
  hn::StoreU(Op::apply(x, y, z), d, dst + i);
}

template <class Op>
void run_tile(float* dst, const float* a, const float* b, const float* c, size_t n) {
  constexpr size_t kWidth = hn::MaxLanes(D());
  size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) run_vector<Op>(dst, a, b, c, i);
  if (i == n) return;
  // The rest goes through copies of full width, so that nothing beyond the operands is touched.
  HWY_ALIGN float rest[3][kWidth] = {};
  const float* operands[3] = {a, b, c};
  const size_t bytes = (n - i) * sizeof(float);
  for (int k = 0; k < Op::kArity; ++k) std::memcpy(rest[k], operands[k] + i, bytes);
  run_vector<Op>(rest[0], rest[0], rest[1], rest[2], 0);
  std::memcpy(dst + i, rest[0], bytes);
}

// One struct per op, then the table.
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

#define LATENT_ENTRY(op, arity, expression) {#op, arity, &run_tile<op##_op>},
constexpr TileOp kTileOps[] = {LATENT_TILE_OPS(LATENT_ENTRY)};
#undef LATENT_ENTRY

std::span<const TileOp> tile_ops() { return kTileOps; }

}  // namespace HWY_NAMESPACE
}  // namespace latent::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace latent::kernels {

HWY_EXPORT(tile_ops);

const TileOp* find_tile_op(std::string_view name) {
  for (const TileOp& op : HWY_DYNAMIC_DISPATCH(tile_ops)()) {
    if (op.name == name) return &op;
  }
  return nullptr;
}

}  // namespace latent::kernels
#endif  // HWY_ONCE
