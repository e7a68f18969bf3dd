// Conversions between float32 and the other element types on contiguous runs.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "latent/tensor.h"

namespace latent::kernels {

/// n elements of type `from`, any but f64, as floats; i32 to the nearest.
void to_floats(DType from, const void* src, float* dst, size_t n);
/// n floats as elements of type `to`, f32, bf16 or i32: bf16 to the nearest, ties to even, NaN
/// stays NaN; i32 toward zero, clamped to the range, NaN gives 0.
void from_floats(DType to, const float* src, void* dst, size_t n);

inline float from_bf16(uint16_t v) { return std::bit_cast<float>(static_cast<uint32_t>(v) << 16); }

}  // namespace latent::kernels
