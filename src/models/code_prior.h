// The prior over grids of codes: PixelCNN (van den Oord et al. 2016, arXiv 1601.06759) with the two
// stacks of the same authors' arXiv 1606.05328, which leave no blind spot. What p(k) = prod p(k_i |
// k_1 .. k_{i-1}) is of a model whose code is a picture of classes, place by place in raster order;
// and where a place has several levels of codes, level by level within it, as in Lee et al. 2022
// (arXiv 2203.01941), whose two transformers the convolutions and a small layer a level replace.
#pragma once

#include <vector>

#include "latent/ops.h"
#include "latent/stack.h"

namespace latent::models {

/// Codes are given, and drawn, as [n, height * width] for each level.
struct CodePrior {
  int64_t height = 1, width = 1, classes = 1;  // of the grid
  int64_t units = 64, depth = 3;  // channels and layers; depth 0: the frequencies of each place
  int64_t levels = 1;             // codes of a place

  /// For each level the logits [n, height, width, classes] of each place given those before it and
  /// the levels before at the same place; k i32.
  std::vector<Expr> logits(const Scope& s, const std::vector<Expr>& k) const;
  /// -log p(k), [n], in nats.
  Expr nll(const Scope& s, const std::vector<Expr>& k) const;
  /// Draws, f32 whole numbers: place by place, by the largest of logits / temperature + Gumbel
  /// noise. A temperature [n, 1] at 0 gives the likeliest class of each place and level.
  std::vector<Expr> draw(const Scope& s, int64_t n, Expr temperature) const;
  /// Costs are those of one nll.
  std::vector<LayerInfo> layers() const;

 private:
  Expr embedded(const Scope& s, int64_t level, Expr k) const;
  Expr above_layer(const Scope& layer, Expr x, int64_t zeros) const;
  Expr left_layer(const Scope& layer, Expr x, Expr above, int64_t zeros) const;
  Expr context(const Scope& s, Expr x) const;
  Expr place(const Scope& s, int64_t level) const;
  Expr level_logits(const Scope& s, int64_t level, Expr before, Expr place) const;
  ScanYield drawn_row(const Scope& s, const ScanStep& step, Expr inverse) const;
  ScanYield drawn_place(const Scope& s, const ScanStep& step, Expr inverse) const;
};

}  // namespace latent::models
