// See condition.h.
#include "nn/condition.h"

#include "ir/op.h"
#include "ir/program.h"

namespace latent::nn {

Expr given_label(Graph& g, int64_t n, int64_t classes) {
  const ir::Program& p = g.program();
  for (ir::NodeId i = 0; i < p.nodes.size(); ++i) {
    if (p.nodes[i].op == &ir::find_op("feed") && p.nodes[i].attrs.word("name") == "label")
      return one_hot(Expr(&g, i), classes);
  }
  return one_hot(g.feed("label", {n}, DType::i32), classes);
}

}  // namespace latent::nn
