// Reads the CPU's name from CPUID; see machine.h.
#include "train/machine.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace latent {

namespace {

std::string cpu_name() {
#if defined(__x86_64__)
  // Leaves 0x80000002 to 4 hold the 48 characters of the brand string (Intel SDM, CPUID).
  std::array<unsigned, 12> words{};
  for (unsigned leaf = 0; leaf < 3; ++leaf) {
    unsigned* w = words.data() + 4 * leaf;
    if (!__get_cpuid(0x80000002u + leaf, w, w + 1, w + 2, w + 3)) return "unknown x86-64";
  }
  char text[sizeof words + 1] = {};
  std::memcpy(text, words.data(), sizeof words);
  std::string name(text);
  while (name.ends_with(' ')) name.pop_back();
  return name;
#else
  return "unknown CPU";
#endif
}

}  // namespace

std::string machine_line() {
  return "latent " LATENT_VERSION ", compiler " __VERSION__ ", " + cpu_name();
}

}  // namespace latent
