// Elementwise kernels on tiles, compiled once per instruction set (Highway): `run_tile` walks a
// tile with an op of tile_ops_inl.h, and each target has a table of its ops.
#include "kernels/tile.h"

#include <cmath>
#include <cstring>
#include <span>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tile.cc"
#include "hwy/foreach_target.h"
// foreach_target must come before these.
#include "hwy/highway.h"
#include "kernels/tile_ops_inl.h"

HWY_BEFORE_NAMESPACE();
namespace latent::kernels {
namespace HWY_NAMESPACE {

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
