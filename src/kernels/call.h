// A kernel bound to its shapes: what the entries of a plan are made of.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace latent::kernels {

/// What changes from run to run besides memory: the key of the noise, and the place in the
/// innermost scan.
struct RunState {
  uint64_t seed = 0;
  int64_t step = 0;
  int64_t iteration = 0;
};

/// Bytes that a chain moves between memory and its tiles: each result and each input once, in the
/// order of the operands, whatever the number of steps. Partial sums in scratch come on top.
struct Traffic {
  std::vector<size_t> written, read;
};

struct Call {
  std::string kernel;                // for `explain`
  std::vector<std::string> refused;  // candidates that did not accept, with reasons
  int parts = 1;                     // depends on shapes alone
  /// Operands, bit k for operand k, of which part p touches the p-th of `parts` equal pieces and
  /// nothing else. Calls bound before this one by the same kernel do not touch them.
  uint64_t pieces = 0;
  size_t scratch_bytes = 0;  // shared by the parts; 64-byte aligned
  /// Of a call that does nothing but copy operand `packs` in another layout, into memory behind the
  /// operands that the calls after it read: its bytes.
  size_t packed_bytes = 0;
  size_t packs = 0;
  double flops = 0;  // of products; 0 elsewhere
  Traffic traffic;   // of chains; empty elsewhere
  /// operands: results first, then inputs, in the order the binder was told.
  std::function<void(int part, void* const* operands, std::byte* scratch, const RunState&)> run;
};

/// How many parts work is cut into: one for each `grain` of it, at most `most` and 16; above one an
/// even number, which two threads share fairly.
inline int parts_for(int64_t work, int64_t grain, int64_t most = 16) {
  const int64_t n = std::clamp<int64_t>(work / grain, 1, 15);
  return static_cast<int>(
      std::clamp<int64_t>(n > 1 ? n + n % 2 : n, 1, std::max<int64_t>(most, 1)));
}

}  // namespace latent::kernels
