// Aligned memory for arenas, slots and feeds. Knows nothing of tensors.
#pragma once

#include <cstddef>
#include <memory>

namespace latent {

inline constexpr size_t kAlignment = 64;  // bytes; one cache line, one AVX-512 vector

/// `bytes` rounded up to a whole number of cache lines.
constexpr size_t aligned_size(size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

struct AlignedFree {
  void operator()(void* p) const;
};
using AlignedBytes = std::unique_ptr<std::byte[], AlignedFree>;

/// Zero-filled memory aligned to kAlignment; throws UsageError naming the size when the system has
/// not got it.
AlignedBytes allocate_bytes(size_t bytes);

/// Bytes of memory of this machine; SIZE_MAX where the system does not say.
size_t machine_bytes();
/// Bytes that this process has in memory now, and the most it had; 0 where the system does not say.
size_t resident_bytes();
size_t most_resident_bytes();

}  // namespace latent
