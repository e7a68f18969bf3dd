// See condition.h.
#include "nn/condition.h"

#include "ir/program.h"

namespace latent::nn {

Expr given_label(Graph& g, int64_t n, int64_t classes) {
  const auto given = g.program().feed("label");
  return one_hot(given ? Expr(&g, *given) : g.feed("label", {n}, DType::i32), classes);
}

}  // namespace latent::nn
