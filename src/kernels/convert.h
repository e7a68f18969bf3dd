// Conversions between element types on contiguous runs. bf16 is stored as uint16_t and rounded to
// nearest even (NaN stays NaN).
#pragma once

#include <cstddef>
#include <cstdint>

namespace latent::kernels {

void f32_to_bf16(const float* src, uint16_t* dst, size_t n);
void bf16_to_f32(const uint16_t* src, float* dst, size_t n);
void u8_to_f32(const uint8_t* src, float* dst, size_t n);
void i32_to_f32(const int32_t* src, float* dst, size_t n);
void f32_to_i32(const float* src, int32_t* dst,
                size_t n);  // toward zero; clamped to the range, NaN gives 0

}  // namespace latent::kernels
