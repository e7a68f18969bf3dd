// Models that write a row element by element, each given those before: text, and any sequence of
// whole numbers.
#pragma once

#include <functional>
#include <vector>

#include "latent/graph.h"

namespace latent {

/// p(x|z) = prod_t p(x_t | x_<t, z) over rows of `length` numbers 0 .. vocabulary - 1. Number 0 is
/// padding and 1 ends a row.
struct Writer {
  int64_t vocabulary = 0, length = 0;
  /// What is carried from element to element, each [n, ...], before the first one; z [n, latent].
  std::function<std::vector<Expr>(const Scope&, Expr z)> start;
  /// Logits [n, vocabulary] of the next element, given the one before, [n] i32: 0 before the first.
  /// Moves `state` on.
  std::function<Expr(const Scope&, std::vector<Expr>& state, Expr before)> next;
};

/// Rows [n, length], as float32: each time the likeliest number or, with a temperature, a draw from
/// softmax(logits / temperature). After an end comes padding.
LATENT_API Expr write(const Scope& s, const Writer& writer, Expr z, double temperature = 0);

}  // namespace latent
