// What plans run on here, for people: libraries, instruction sets, what bfloat16 is good for.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "kernels/about.h"

namespace latent {

struct EngineInfo {
  std::vector<std::pair<std::string, std::string>> libraries;  // name, version
  std::string loops, products;                                 // instruction sets of each
};
inline EngineInfo engine_info() {
  const auto [loops, products] = kernels::instruction_sets();
  return {kernels::library_versions(), loops, products};
}

}  // namespace latent
