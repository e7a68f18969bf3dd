// Prebuilt kernels for the chains that every training step holds, found by the text of their
// program (FusedProgram::text). Each is compiled from that text: the same operations in the same
// order as the interpreted chain, held in registers, so the bits are equal; a test runs both. A
// chain whose text changes is interpreted again: slower, never wrong, and a test notices.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/fused.h"

namespace latent::kernels {

/// The piece of a chain's domain [rows, cols] that one part works on, and where partial sums go.
struct ChainPiece {
  int64_t cols;
  int64_t row_begin, row_end, col_begin, col_end;
  int64_t block_rows;        // rows of a block of a column sum
  float* const* partial;     // of each output: blocks of partial sums, or null where there is one
  const FusedInput* inputs;  // their strides and offsets

  /// Where output o, a column sum, adds up the block of rows that `row` belongs to.
  float* column_sums(size_t o, int64_t row, void* const* operands) const {
    return partial[o] ? partial[o] + row / block_rows * cols : static_cast<float*>(operands[o]);
  }
};

struct NamedKernel {
  const char* name;
  std::string_view program;
  /// Operands: outputs first, then inputs, all float32.
  void (*fn)(void* const* operands, const float* constants, const ChainPiece& piece);
};

/// The kernel of this CPU for a program, or null.
const NamedKernel* find_named(std::string_view program);

/// All of them; none on a CPU without AVX2.
std::span<const NamedKernel> named_kernels();

}  // namespace latent::kernels
