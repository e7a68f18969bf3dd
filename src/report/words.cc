// Numbers in words; see words.h.
#include "report/words.h"

#include <fmt/format.h>

namespace latent {

std::string duration_text(double seconds) {
  if (seconds < 9.95) return fmt::format("{:.2g} s", seconds);
  if (seconds < 120) return fmt::format("{:.0f} s", seconds);
  return seconds < 7200 ? fmt::format("{:.1f} min", seconds / 60)
                        : fmt::format("{:.1f} h", seconds / 3600);
}

std::string count_text(double count) {
  if (count < 999.5) return fmt::format("{:.0f}", count);
  const bool millions = count >= 999500;
  const double scaled = count / (millions ? 1e6 : 1e3);
  return fmt::format("{:.{}f}{}", scaled, scaled < 9.95 ? 1 : 0, millions ? "M" : "k");
}

}  // namespace latent
