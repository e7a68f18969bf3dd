// Levels of residual quantization: names of what each has of its own, its codebook and its part of
// the prior; and sums over them.
#pragma once

#include <string>
#include <vector>

#include "latent/ops.h"

namespace latent::models {

/// `s` itself for level 0, else s/level1, s/level2, ..: files of weights from before there were
/// several levels have the names of level 0.
inline Scope level_scope(const Scope& s, int64_t level) {
  return level == 0 ? s : s / ("level" + std::to_string(level));
}
/// A name below that scope as a table of layers has it.
inline std::string level_path(int64_t level, const std::string& name) {
  return (level == 0 ? "" : "level" + std::to_string(level) + "/") + name;
}

/// Of what each level gives, in their order.
inline Expr sum_of(const std::vector<Expr>& levels) {
  Expr sum = levels[0];
  for (size_t level = 1; level < levels.size(); ++level) sum = sum + levels[level];
  return sum;
}

}  // namespace latent::models
