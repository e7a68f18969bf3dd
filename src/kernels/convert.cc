// Conversions between element types, compiled once per instruction set. The loops are plain: the
// compiler vectorises each of them for its target, and every element's result is exact or correctly
// rounded, so the target cannot show.
#include "kernels/convert.h"

#include <cstring>
#include <limits>
#include <string>

#include "latent/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/convert.cc"
#include "hwy/foreach_target.h"
// foreach_target must come before this.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace latent::kernels {
namespace HWY_NAMESPACE {

template <class From>
void to_nearest(const void* src, float* dst, size_t n) {
  const auto* x = static_cast<const From*>(src);
  for (size_t i = 0; i < n; ++i) dst[i] = static_cast<float>(x[i]);
}

void widen(DType from, const void* src, float* dst, size_t n) {
  if (from == DType::i32) return to_nearest<int32_t>(src, dst, n);
  if (from == DType::u8) return to_nearest<uint8_t>(src, dst, n);
  const auto* x = static_cast<const uint16_t*>(src);
  for (size_t i = 0; i < n; ++i) dst[i] = from_bf16(x[i]);
}

void to_bf16(const float* src, uint16_t* dst, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const auto bits = std::bit_cast<uint32_t>(src[i]);
    const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    // A NaN is made quiet: rounding could carry its payload away to infinity.
    const uint32_t quiet = (bits >> 16) | 0x40u;
    dst[i] = static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
  }
}

void to_i32(const float* src, int32_t* dst, size_t n) {
  constexpr float kLimit = 2147483648.0f;  // 2^31
  for (size_t i = 0; i < n; ++i) {
    const float x = src[i];
    const bool inside = x >= -kLimit && x < kLimit;
    const int32_t outside = x >= kLimit   ? std::numeric_limits<int32_t>::max()
                            : x < -kLimit ? std::numeric_limits<int32_t>::min()
                                          : 0;
    dst[i] = inside ? static_cast<int32_t>(inside ? x : 0.0f) : outside;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace latent::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace latent::kernels {

HWY_EXPORT(widen);
HWY_EXPORT(to_bf16);
HWY_EXPORT(to_i32);

void to_floats(DType from, const void* src, float* dst, size_t n) {
  if (from == DType::f32)
    std::memcpy(dst, src, n * sizeof(float));
  else
    HWY_DYNAMIC_DISPATCH(widen)(from, src, dst, n);
}

void from_floats(DType to, const float* src, void* dst, size_t n) {
  if (to == DType::f32)
    std::memcpy(dst, src, n * sizeof(float));
  else if (to == DType::bf16)
    HWY_DYNAMIC_DISPATCH(to_bf16)(src, static_cast<uint16_t*>(dst), n);
  else if (to == DType::i32)
    HWY_DYNAMIC_DISPATCH(to_i32)(src, static_cast<int32_t*>(dst), n);
  else
    throw InternalError(std::string("a chain cannot end in ") + name_of(to));
}

}  // namespace latent::kernels
#endif  // HWY_ONCE
