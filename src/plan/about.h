// What plans run on here, for people: libraries, instruction sets, what bfloat16 is good for.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace latent {

struct About {
  std::vector<std::pair<std::string, std::string>> libraries;  // name, version
  std::string loops, products;                                 // instruction sets of each
};
About about_plans();

}  // namespace latent
