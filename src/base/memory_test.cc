// Aligned memory: aligned, zero-filled, and an error in words when there is none.
#include "base/memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "latent/error.h"

namespace latent {
namespace {

TEST(Memory, SizesAreWholeLines) {
  EXPECT_EQ(aligned_size(0), 0u);
  EXPECT_EQ(aligned_size(1), kAlignment);
  EXPECT_EQ(aligned_size(kAlignment), kAlignment);
  EXPECT_EQ(aligned_size(kAlignment + 1), 2 * kAlignment);
}

TEST(Memory, IsAlignedAndZero) {
  for (size_t n : {size_t{0}, size_t{1}, size_t{63}, size_t{64}, size_t{65}, size_t{100000}}) {
    for (int again = 0; again < 3; ++again) {  // memory that was used before comes back zeroed
      const AlignedBytes p = allocate_bytes(n);
      ASSERT_NE(p, nullptr);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(p.get()) % kAlignment, 0u);
      EXPECT_TRUE(std::all_of(p.get(), p.get() + n, [](std::byte b) { return b == std::byte{0}; }))
          << n;
      std::memset(p.get(), 0xff, n);
    }
  }
}

TEST(Memory, AskingForTooMuchIsAnErrorThatNamesTheSize) {
  for (size_t n : {size_t{1} << 60, std::numeric_limits<size_t>::max()}) {
    try {
      allocate_bytes(n);
      FAIL() << "got " << n << " bytes";
    } catch (const UsageError& e) {
      EXPECT_NE(std::string(e.what()).find(std::to_string(n >> 20) + " MiB"), std::string::npos)
          << e.what();
    }
  }
}

}  // namespace
}  // namespace latent
