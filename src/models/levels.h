// Names of what each level of residual quantization has of its own: its codebook, its part of the
// prior.
#pragma once

#include <string>

#include "latent/graph.h"

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

}  // namespace latent::models
