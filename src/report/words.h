// Numbers as people read them, for lines and reports.
#pragma once

#include <cstdint>
#include <string>

namespace latent {

/// "0.0062 s", "3.1 s", "48 s", "12.0 min", "4.5 h".
std::string duration_text(double seconds);
/// "980", "48k", "1.2M".
std::string count_text(double count);
/// "1 row", "0 rows", "5 rows": the noun's plural is regular.
std::string counted(int64_t n, const std::string& noun);

}  // namespace latent
