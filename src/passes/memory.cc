// Placement in the arena; see memory.h.
#include "passes/memory.h"

#include <algorithm>
#include <functional>
#include <span>

#include "base/memory.h"

namespace latent::passes {

MemoryPlan place(Buffers& buffers) {
  MemoryPlan plan;
  std::vector<Buffer*> order;
  int end = 0;
  for (Buffer& b : buffers) {
    order.push_back(&b);
    end = std::max(end, b.last);
  }
  std::ranges::stable_sort(order, std::greater{}, &Buffer::bytes);
  for (size_t i = 0; i < order.size(); ++i) {
    Buffer& b = *order[i];
    const size_t bytes = aligned_size(b.bytes);
    std::vector<std::pair<size_t, size_t>> taken;  // [begin, end) of those alive together with it
    for (const Buffer* other : std::span(order).first(i)) {
      if (other->first <= b.last && b.first <= other->last)
        taken.emplace_back(other->offset, other->offset + aligned_size(other->bytes));
    }
    std::ranges::sort(taken);
    b.offset = 0;
    for (const auto& [begin, behind] : taken) {
      if (begin >= b.offset + bytes) break;
      b.offset = std::max(b.offset, behind);
    }
    plan.arena_bytes = std::max(plan.arena_bytes, b.offset + bytes);
  }
  for (int stage = 0; stage <= end; ++stage) {
    size_t live = 0;
    for (const Buffer& b : buffers) {
      if (b.first <= stage && stage <= b.last) live += aligned_size(b.bytes);
    }
    plan.live_bytes = std::max(plan.live_bytes, live);
  }
  return plan;
}

}  // namespace latent::passes
