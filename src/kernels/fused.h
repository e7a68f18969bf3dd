// Chains of elementwise steps with broadcasts and conversions at their start and reductions and
// conversions at their end, run tile by tile in L1 over a domain of rows x cols. Every elementwise
// op and every reduction of a plan runs here, alone or fused, so fused equals unfused bit for bit:
// elements are computed by the same tile kernels and sums have one order (reduce.h for rows; for
// columns: blocks of rows, as long as the number of rows says, each added row after row, then the
// blocks in order). The cut into parts never changes a result.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/call.h"
#include "kernels/tile.h"
#include "latent/tensor.h"

namespace latent::kernels {

enum class Access : uint8_t {
  full,    // [rows, cols]
  row,     // [cols], the same for each row
  column,  // [rows], one value a row
  scalar,  // []
};
enum class End : uint8_t {
  store,       // [rows, cols]
  row_sum,     // [rows]
  row_max,     // [rows]
  column_sum,  // [cols]
};

struct FusedInput {
  Access access;
  DType element = DType::f32;
  int64_t stride = 0;   // of full access: elements from row to row; 0: cols
  int64_t offset = 0;   // of full access: elements before the first
  bool window = false;  // of full access: of a larger operand, whose pieces are others
  /// Whether it is read element by element, all of it.
  bool whole() const { return access == Access::full && !window; }
  bool operator==(const FusedInput&) const = default;
};
struct FusedStep {
  const TileOp* op;
  int src[3];  // values; unused are -1
};
struct FusedOutput {
  End end;
  int value;
  DType element = DType::f32;
};

/// Values are numbered: inputs first, then constants, then the result of each step.
struct FusedProgram {
  int64_t rows = 1, cols = 1;
  std::vector<FusedInput> inputs;
  std::vector<float> constants;
  std::vector<FusedStep> steps;
  std::vector<FusedOutput> outputs;

  /// The program without extents and constants: what named patterns are found by.
  std::string text() const;  // read back by chain_shape.h
  int64_t elements(Access a) const;
  int64_t elements(End e) const;
  Traffic traffic() const;
};

/// Calls that run the program one after another; operands are the outputs, then the inputs.
/// in_place[o] is the input whose memory output o shares, or -1. `named` allows a prebuilt kernel
/// for a known program (same bits). `parts` is how many the first call should have, 0: as many as
/// pay; it has others where its pieces would not be equal.
std::vector<Call> bind_fused(const FusedProgram& program, const std::vector<int>& in_place,
                             bool named = true, int parts = 0);

}  // namespace latent::kernels
