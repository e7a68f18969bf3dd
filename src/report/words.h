// Numbers as people read them, for lines and reports.
#pragma once

#include <string>

#include "base/words.h"

namespace latent {

/// "0.0062 s", "3.1 s", "48 s", "12.0 min", "4.5 h".
std::string duration_text(double seconds);
/// "980", "48k", "1.2M".
std::string count_text(double count);

}  // namespace latent
