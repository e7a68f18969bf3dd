// Whether this machine computes what it should: a second's worth of products.
#pragma once

#include <string>
#include <vector>

namespace latent::measure {

struct Check {
  std::string what;
  bool good = false;
};
/// Products of whole numbers against integers, exactly, from tiny to cut into parts; products of
/// fractions, their bits on one thread and on two.
std::vector<Check> self_check();

}  // namespace latent::measure
