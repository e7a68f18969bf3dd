// Conversions between element types, compiled once per instruction set. The loops are plain: the
// compiler vectorises each of them for its target, and every element's result is exact or correctly
// rounded, so the target cannot show.
#include "kernels/convert.h"

#include <cstring>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/convert.cc"
#include "hwy/foreach_target.h"
// foreach_target must come before this.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace latent::kernels {
namespace HWY_NAMESPACE {

void to_bf16(const float* src, uint16_t* dst, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    uint32_t bits;
    std::memcpy(&bits, src + i, sizeof(bits));
    const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    // A NaN is made quiet: rounding could carry its payload away to infinity.
    const uint32_t quiet = (bits >> 16) | 0x40u;
    dst[i] = static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
  }
}

void from_bf16(const uint16_t* src, float* dst, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const uint32_t bits = static_cast<uint32_t>(src[i]) << 16;
    std::memcpy(dst + i, &bits, sizeof(bits));
  }
}

void from_u8(const uint8_t* src, float* dst, size_t n) {
  for (size_t i = 0; i < n; ++i) dst[i] = static_cast<float>(src[i]);
}

void from_i32(const int32_t* src, float* dst, size_t n) {
  for (size_t i = 0; i < n; ++i) dst[i] = static_cast<float>(src[i]);
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

HWY_EXPORT(to_bf16);
HWY_EXPORT(from_bf16);
HWY_EXPORT(from_u8);
HWY_EXPORT(from_i32);
HWY_EXPORT(to_i32);

void f32_to_bf16(const float* src, uint16_t* dst, size_t n) {
  HWY_DYNAMIC_DISPATCH(to_bf16)(src, dst, n);
}
void bf16_to_f32(const uint16_t* src, float* dst, size_t n) {
  HWY_DYNAMIC_DISPATCH(from_bf16)(src, dst, n);
}
void u8_to_f32(const uint8_t* src, float* dst, size_t n) {
  HWY_DYNAMIC_DISPATCH(from_u8)(src, dst, n);
}
void i32_to_f32(const int32_t* src, float* dst, size_t n) {
  HWY_DYNAMIC_DISPATCH(from_i32)(src, dst, n);
}
void f32_to_i32(const float* src, int32_t* dst, size_t n) {
  HWY_DYNAMIC_DISPATCH(to_i32)(src, dst, n);
}

}  // namespace latent::kernels
#endif  // HWY_ONCE
