// Sums and maxima over 16 lanes (see reduce.h), compiled once per instruction set. A target holds
// the lanes in as many vectors as it needs, so each lane sees the same additions everywhere.
#include "kernels/reduce.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/reduce.cc"
#include "hwy/foreach_target.h"
// foreach_target must come before this.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace latent::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, kLanes>;
using V = hn::Vec<D>;
constexpr size_t kWidth = hn::MaxLanes(D());
constexpr size_t kVectors = kLanes / kWidth;

struct Sum {
  static HWY_INLINE V apply(V lane, V x) { return hn::Add(lane, x); }
  static float apply(float lane, float x) { return lane + x; }
};

struct Maximum {
  static HWY_INLINE V apply(V lane, V x) {
    return hn::IfThenElse(hn::Or(hn::Gt(lane, x), hn::IsNaN(lane)), lane, x);
  }
  static float apply(float lane, float x) { return lane > x || lane != lane ? lane : x; }
};

/// lanes[i % kLanes] = Op(lanes[i % kLanes], x[i]) for i < n in rising order.
template <class Op>
HWY_INLINE void over_lanes(float* lanes, const float* x, size_t n) {
  const D d;
  size_t i = 0;
  if (n >= kLanes) {
    V held[kVectors];
    for (size_t v = 0; v < kVectors; ++v) held[v] = hn::LoadU(d, lanes + v * kWidth);
    for (; i + kLanes <= n; i += kLanes) {
      for (size_t v = 0; v < kVectors; ++v) {
        held[v] = Op::apply(held[v], hn::LoadU(d, x + i + v * kWidth));
      }
    }
    for (size_t v = 0; v < kVectors; ++v) hn::StoreU(held[v], d, lanes + v * kWidth);
  }
  for (size_t lane = 0; i < n; ++i, ++lane) lanes[lane] = Op::apply(lanes[lane], x[i]);
}

void accumulate(float* lanes, const float* x, size_t n) { over_lanes<Sum>(lanes, x, n); }

float maximum(float running, const float* x, size_t n) {
  float lanes[kLanes];
  for (float& lane : lanes) lane = running;
  over_lanes<Maximum>(lanes, x, n);
  for (size_t half = kLanes / 2; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) lanes[i] = Maximum::apply(lanes[i], lanes[i + half]);
  }
  return lanes[0];
}

/// acc[i] = Op(acc[i], x[i]).
template <class Op>
void join(float* acc, const float* x, size_t n) {
  const D d;
  size_t i = 0;
  for (; i + kWidth <= n; i += kWidth)
    hn::StoreU(Op::apply(hn::LoadU(d, acc + i), hn::LoadU(d, x + i)), d, acc + i);
  for (; i < n; ++i) acc[i] = Op::apply(acc[i], x[i]);
}
void join_sums(float* acc, const float* x, size_t n) { join<Sum>(acc, x, n); }
void join_maxima(float* acc, const float* x, size_t n) { join<Maximum>(acc, x, n); }

}  // namespace HWY_NAMESPACE
}  // namespace latent::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace latent::kernels {

HWY_EXPORT(accumulate);
HWY_EXPORT(maximum);
HWY_EXPORT(join_sums);
HWY_EXPORT(join_maxima);

void accumulate_lanes(float* lanes, const float* x, size_t n) {
  HWY_DYNAMIC_DISPATCH(accumulate)(lanes, x, n);
}

float fold_lanes(const float* lanes) {
  float folded[kLanes / 2];
  for (size_t i = 0; i < kLanes / 2; ++i) folded[i] = lanes[i] + lanes[i + kLanes / 2];
  for (size_t half = kLanes / 4; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) folded[i] += folded[i + half];
  }
  return folded[0];
}

float max_of(float running, const float* x, size_t n) {
  return HWY_DYNAMIC_DISPATCH(maximum)(running, x, n);
}

void add_into(float* acc, const float* x, size_t n) { HWY_DYNAMIC_DISPATCH(join_sums)(acc, x, n); }

Call bind_middle_reduction(bool maximum, int64_t outer, int64_t mid, int64_t inner) {
  Call c;
  c.kernel = maximum ? "max over the middle" : "sum over the middle";
  c.parts = parts_for(outer * mid * inner, 65536, outer);
  c.run = [=, parts = c.parts](int part, void* const* operands, std::byte*, const RunState&) {
    const auto* x = static_cast<const float*>(operands[1]);
    for (int64_t o = outer * part / parts; o < outer * (part + 1) / parts; ++o) {
      float* y = static_cast<float*>(operands[0]) + o * inner;
      std::fill_n(y, inner, maximum ? -std::numeric_limits<float>::infinity() : 0.f);
      for (int64_t m = 0; m < mid; ++m) {
        const float* row = x + (o * mid + m) * inner;
        if (maximum)
          HWY_DYNAMIC_DISPATCH(join_maxima)(y, row, static_cast<size_t>(inner));
        else
          add_into(y, row, static_cast<size_t>(inner));
      }
    }
  };
  return c;
}

}  // namespace latent::kernels
#endif  // HWY_ONCE
