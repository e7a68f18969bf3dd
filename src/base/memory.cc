// Aligned, zero-filled allocation; see memory.h.
#include "base/memory.h"

#include <cstdlib>
#include <cstring>
#include <string>

#include "latent/error.h"

namespace latent {

void AlignedFree::operator()(void* p) const { std::free(p); }

AlignedBytes allocate_bytes(size_t bytes) {
  const size_t size = aligned_size(bytes ? bytes : 1);
  void* p = size < bytes ? nullptr : std::aligned_alloc(kAlignment, size);
  if (!p) {
    throw UsageError("out of memory: " + std::to_string(bytes >> 20) +
                     " MiB asked for; a smaller batch or model needs less");
  }
  std::memset(p, 0, size);
  return AlignedBytes(static_cast<std::byte*>(p));
}

}  // namespace latent
