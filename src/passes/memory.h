// Where each buffer lies in the arena, from the stages at which it is alive.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

namespace latent::passes {

struct Buffer {
  size_t bytes = 0;
  int first = 0, last = 0;         // stages, both included
  std::vector<int> pointers = {};  // to it, of the values that have it one after another
  size_t offset = 0;               // set by place()
};
using Buffers = std::deque<Buffer>;  // a reference to one outlives those added later

struct MemoryPlan {
  size_t arena_bytes = 0;
  size_t live_bytes = 0;  // the largest sum of buffers alive at one stage: no arena can be smaller
};

/// Buffers alive at the same stage never overlap. Large ones are placed first, each at the lowest
/// offset that is free.
MemoryPlan place(Buffers& buffers);

}  // namespace latent::passes
