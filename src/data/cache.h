// Decoded data kept in files between runs: what was made from the same bytes in the same way has
// the same key. Lost or damaged files are made again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "latent/tensor.h"

namespace latent {

/// Bytes of u8 and what is to be known of them.
struct CacheEntry {
  Tensor values;
  nlohmann::json about;
};

class Cache {
 public:
  /// The folder LATENT_CACHE, else latent in XDG_CACHE_HOME or ~/.cache. LATENT_CACHE=off, or no
  /// home: there is none.
  Cache();

  bool exists() const { return !folder_.empty(); }
  const std::string& folder() const { return folder_; }

  /// The entry of that key, its values mapped: rows are read from the disk when they are used, and
  /// leave memory when it is needed. None when there is no whole file of it.
  std::optional<CacheEntry> find(uint64_t key) const;
  /// Writes an entry. Then removes files not used for the longest time while all are more than
  /// kMostBytes, and what killed processes left a day ago. SystemError when it cannot be written.
  void keep(uint64_t key, const CacheEntry& entry) const;

  static constexpr uint64_t kMostBytes = uint64_t{16} << 30;

 private:
  std::string path(uint64_t key) const;
  void trim(const std::string& newest) const;
  std::string folder_;
};

}  // namespace latent
