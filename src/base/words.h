// Numbers of things in messages.
#pragma once

#include <cstdint>
#include <string>

namespace latent {

/// "1 row", "0 rows", "5 rows": the noun's plural is regular.
inline std::string counted(int64_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

}  // namespace latent
