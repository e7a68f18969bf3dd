// A label that encoder and decoder are given beside their input, by the feed "label", so that every
// plan of them asks for it by the same name.
#pragma once

#include "latent/ops.h"

namespace latent::nn {

/// The label of each of n rows as one-hot [n, classes]; declares the feed "label" (i32 [n]) on
/// first use. A class out of range is none: zeros.
Expr given_label(Graph& g, int64_t n, int64_t classes);

}  // namespace latent::nn
