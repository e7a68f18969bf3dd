// The elements of a tensor as the type that it holds.
#pragma once

#include <cstdint>

#include "latent/tensor.h"

namespace latent {

/// Calls f(span of the elements); bf16 is no type of data and gives a UsageError.
template <class F>
auto visit_elements(const Tensor& t, const F& f) {
  switch (t.dtype()) {
    case DType::f32:
      return f(t.span<float>());
    case DType::f64:
      return f(t.span<double>());
    case DType::i32:
      return f(t.span<int32_t>());
    case DType::u8:
      return f(t.span<uint8_t>());
    case DType::bf16:
      break;
  }
  throw UsageError("a data set holds f32, f64, i32 or u8, not bf16");
}

}  // namespace latent
