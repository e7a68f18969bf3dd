// Who reads a node of a graph, for those that build graphs from functions they did not write.
#pragma once

#include <algorithm>

#include "ir/program.h"
#include "latent/graph.h"

namespace latent {

/// Whether any node of the graph has this one as an operand.
inline bool is_used(const Graph& g, const Expr& e) {
  return std::ranges::any_of(
      g.program().nodes, [&](const ir::Node& n) { return std::ranges::count(n.in, e.id()) > 0; });
}

}  // namespace latent
