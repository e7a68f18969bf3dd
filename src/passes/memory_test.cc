// Buffers alive together never overlap, and the arena is near the least that any could be.
#include "passes/memory.h"

#include <gtest/gtest.h>

#include <random>

namespace latent::passes {
namespace {

TEST(Memory, NoOverlapOnRandomIntervals) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 50; ++round) {
    Buffers buffers(40);
    for (Buffer& b : buffers) {
      b.bytes = random() % 5000;
      b.first = static_cast<int>(random() % 30);
      b.last = b.first + static_cast<int>(random() % 8);
    }
    const MemoryPlan plan = place(buffers);
    for (const Buffer& a : buffers) {
      EXPECT_EQ(a.offset % 64, 0u);
      EXPECT_LE(a.offset + a.bytes, plan.arena_bytes);
      for (const Buffer& b : buffers) {
        const bool together = a.first <= b.last && b.first <= a.last;
        const bool apart = a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset;
        EXPECT_TRUE(&a == &b || !together || apart || !a.bytes || !b.bytes);
      }
    }
    EXPECT_GE(plan.arena_bytes, plan.live_bytes);
  }
}

TEST(Memory, ReusesWhatIsFree) {
  Buffers buffers{{1024, 0, 1}, {1024, 2, 3}, {512, 1, 2}};
  const MemoryPlan plan = place(buffers);
  EXPECT_EQ(plan.live_bytes, 1536u);
  EXPECT_EQ(plan.arena_bytes, 1536u);
}

}  // namespace
}  // namespace latent::passes
