// Denoising: in training the encoder sees rows that are damaged anew each time, and the loss asks
// for the rows as they were (Vincent et al. 2008). Evaluation sees them whole.
#pragma once

#include <string>
#include <vector>

#include "latent/graph.h"

namespace latent {

/// What rows are like: shape, and the least and greatest value, in the units that the model sees.
struct RowKind {
  Shape shape;
  double low = 0, high = 1;
};

/// x [n, inputs] damaged by graph ops, in this order of words: gaussian=S adds normal noise of
/// deviation S; salt=F sets a fraction F of the pixels to the least or the greatest value, as
/// likely; mask=F sets a fraction F of the pixels to the least value; block=F does so with one
/// rectangle of F of both sides anywhere. A pixel is all channels of a place where rows are
/// pictures, else a value. UsageError for other words and numbers.
Expr corrupted(const Scope& s, Arg x, const std::vector<std::string>& how, const RowKind& row);

/// UsageError as above.
void check_corruption(const std::vector<std::string>& how, const Shape& row);

}  // namespace latent
