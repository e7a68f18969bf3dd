// Where each buffer lies in the arena, from the stages at which it is alive.
#pragma once

#include <cstddef>
#include <vector>

namespace latent::passes {

struct Buffer {
  size_t bytes = 0;
  int first = 0, last = 0;  // stages, both included
};
struct MemoryPlan {
  std::vector<size_t> offsets;
  size_t arena_bytes = 0;
  size_t live_bytes = 0;  // the largest sum of buffers alive at one stage: no arena can be smaller
};

/// Buffers alive at the same stage never overlap. Large ones are placed first, each at the lowest
/// offset that is free.
MemoryPlan place(const std::vector<Buffer>& buffers);

}  // namespace latent::passes
