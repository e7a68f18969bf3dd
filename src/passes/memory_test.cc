// Buffers alive together never overlap, and the arena is near the least that any could be.
#include "passes/memory.h"

#include <gtest/gtest.h>

#include <random>

namespace latent::passes {
namespace {

TEST(Memory, NoOverlapOnRandomIntervals) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 50; ++round) {
    std::vector<Buffer> buffers(40);
    for (Buffer& b : buffers) {
      b.bytes = random() % 5000;
      b.first = static_cast<int>(random() % 30);
      b.last = b.first + static_cast<int>(random() % 8);
    }
    const MemoryPlan plan = place(buffers);
    for (size_t i = 0; i < buffers.size(); ++i) {
      EXPECT_EQ(plan.offsets[i] % 64, 0u);
      EXPECT_LE(plan.offsets[i] + buffers[i].bytes, plan.arena_bytes);
      for (size_t j = 0; j < i; ++j) {
        const bool together =
            buffers[i].first <= buffers[j].last && buffers[j].first <= buffers[i].last;
        const bool apart = plan.offsets[i] + buffers[i].bytes <= plan.offsets[j] ||
                           plan.offsets[j] + buffers[j].bytes <= plan.offsets[i];
        EXPECT_TRUE(!together || apart || !buffers[i].bytes || !buffers[j].bytes);
      }
    }
    EXPECT_GE(plan.arena_bytes, plan.live_bytes);
  }
}

TEST(Memory, ReusesWhatIsFree) {
  const MemoryPlan plan = place({{1024, 0, 1}, {1024, 2, 3}, {512, 1, 2}});
  EXPECT_EQ(plan.live_bytes, 1536u);
  EXPECT_EQ(plan.arena_bytes, 1536u);
}

}  // namespace
}  // namespace latent::passes
