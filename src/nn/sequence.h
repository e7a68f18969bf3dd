// A sequence is a picture one pixel high, [n, 1, l, c]: of a window or stride K x K it has 1 x K.
#pragma once

#include "latent/ops.h"

namespace latent::nn {

inline Extent square_or_line(const Expr& x, int64_t k) { return {x.dim(1) == 1 ? 1 : k, k}; }

}  // namespace latent::nn
