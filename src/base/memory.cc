// Aligned, zero-filled allocation, and what the system says of memory; see memory.h.
#include "base/memory.h"

#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "latent/error.h"

namespace latent {

void AlignedFree::operator()(void* p) const { std::free(p); }

AlignedBytes allocate_bytes(size_t bytes) {
  const size_t size = aligned_size(bytes ? bytes : 1);
  void* p = size < bytes ? nullptr : std::aligned_alloc(kAlignment, size);
  if (!p) {
    throw UsageError("out of memory: " + std::to_string(std::max<size_t>(bytes >> 20, 1)) +
                     " MiB asked for; a smaller batch or model needs less");
  }
  std::memset(p, 0, size);
  return AlignedBytes(static_cast<std::byte*>(p));
}

size_t machine_bytes() {
  struct sysinfo info {};
  return ::sysinfo(&info) == 0 ? static_cast<size_t>(info.totalram) * info.mem_unit : SIZE_MAX;
}

size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");  // sizes in pages: all, resident, ..
  size_t all = 0, resident = 0;
  if (!(statm >> all >> resident)) return 0;
  return resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

size_t most_resident_bytes() {
  rusage usage{};
  return ::getrusage(RUSAGE_SELF, &usage) == 0 ? static_cast<size_t>(usage.ru_maxrss) * 1024 : 0;
}

}  // namespace latent
