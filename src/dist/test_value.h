// Values of distributions in double, for the tests of this folder.
#pragma once

#include <functional>
#include <vector>

#include "latent/latent.h"

namespace latent {

/// Evaluates an expression made of constant feeds.
inline double value(const std::function<Expr(Graph&)>& make) {
  Graph g;
  g.fetch("y", sum(make(g)));
  Reference r(g);
  r.run();
  return r.fetch("y")[0];
}

inline Expr row(Graph& g, std::vector<double> v) {  // [1, n]
  std::vector<Expr> parts;
  for (double x : v) parts.push_back(broadcast_to(cast(iota(g, 1), DType::f32) * 0 + x, {1, 1}));
  return concat(parts, 1);
}
inline Expr one(Graph& g, double x) { return row(g, {x}); }

}  // namespace latent
