// Elementwise kernels on short runs of floats ("tiles"), found by name. The fused executor
// (fused.h) chains them; an op of the table names one. All arithmetic is float32; each kernel gives
// the same bits for an element wherever it stands in the tile (no dependence on alignment, length
// or position).
#pragma once

#include <cstddef>
#include <string_view>

namespace latent::kernels {

inline constexpr size_t kTile = 256;  // floats, 1 KiB

/// dst[i] = f(a[i], b[i], c[i]) for i < n. Unused operands are null. dst may equal an operand.
using TileFn = void (*)(float* dst, const float* a, const float* b, const float* c, size_t n);

struct TileOp {
  std::string_view name;
  int arity;
  TileFn fn;
};

/// The kernel called `name` for this CPU, or null.
const TileOp* find_tile_op(std::string_view name);

}  // namespace latent::kernels
