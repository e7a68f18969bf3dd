// The prior over grids of codes: PixelCNN (van den Oord et al. 2016, arXiv 1601.06759) with the two
// stacks of the same authors' arXiv 1606.05328, which leave no blind spot. What p(k) = prod p(k_i |
// k_1 .. k_{i-1}) is of a model whose code is a picture of classes, place by place in raster order.
#pragma once

#include <vector>

#include "latent/ops.h"
#include "latent/stack.h"

namespace latent::models {

struct CodePrior {
  int64_t height = 1, width = 1, classes = 1;  // of the grid
  int64_t units = 64, depth = 3;  // channels and layers; depth 0: the frequencies of each place

  /// Logits [n, height, width, classes] of each place given those before it; k [n, height * width]
  /// i32.
  Expr logits(const Scope& s, Expr k) const;
  /// -log p(k), [n], in nats.
  Expr nll(const Scope& s, Expr k) const;
  /// Draws [n, height * width] f32, whole numbers: one place an iteration, by the largest of logits
  /// / temperature + Gumbel noise. A temperature [n, 1] at 0 gives the likeliest class of each
  /// place.
  Expr draw(const Scope& s, int64_t n, Expr temperature) const;
  /// Under the scope `prior`; costs are those of one nll.
  std::vector<LayerInfo> layers() const;
};

}  // namespace latent::models
