// Prebuilt kernels for the few flat chains that every training step holds, found by the text of
// their program (FusedProgram::text). Each computes the same operations in the same order as the
// chain, so the bits are equal; a test runs both. A chain whose text changes is interpreted again:
// slower, never wrong, and a test notices.
#pragma once

#include <cstdint>
#include <string_view>

namespace latent::kernels {

struct NamedKernel {
  const char* name;
  std::string_view program;
  /// Elements [begin, end) of every operand (outputs first, then inputs; scalars as one element).
  void (*fn)(void* const* operands, const float* constants, int64_t begin, int64_t end);
};

const NamedKernel* find_named(std::string_view program);

}  // namespace latent::kernels
