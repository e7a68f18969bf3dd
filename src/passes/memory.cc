// Placement in the arena; see memory.h.
#include "passes/memory.h"

#include <algorithm>
#include <numeric>

#include "base/memory.h"

namespace latent::passes {

MemoryPlan place(const std::vector<Buffer>& buffers) {
  MemoryPlan plan;
  plan.offsets.assign(buffers.size(), 0);
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  std::vector<size_t> placed;
  for (size_t i : order) {
    const size_t bytes = aligned_size(buffers[i].bytes);
    std::vector<std::pair<size_t, size_t>>
        taken;  // [begin, end) of buffers alive together with this one
    for (size_t j : placed) {
      if (buffers[j].first <= buffers[i].last && buffers[i].first <= buffers[j].last) {
        taken.emplace_back(plan.offsets[j], plan.offsets[j] + aligned_size(buffers[j].bytes));
      }
    }
    std::sort(taken.begin(), taken.end());
    size_t at = 0;
    for (const auto& [begin, end] : taken) {
      if (begin >= at + bytes) break;
      at = std::max(at, end);
    }
    plan.offsets[i] = at;
    plan.arena_bytes = std::max(plan.arena_bytes, at + bytes);
    placed.push_back(i);
  }
  int last = 0;
  for (const Buffer& b : buffers) last = std::max(last, b.last);
  for (int stage = 0; stage <= last; ++stage) {
    size_t live = 0;
    for (const Buffer& b : buffers) {
      if (b.first <= stage && stage <= b.last) live += aligned_size(b.bytes);
    }
    plan.live_bytes = std::max(plan.live_bytes, live);
  }
  return plan;
}

}  // namespace latent::passes
