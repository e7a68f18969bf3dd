// The run of dense layers that models are made of.
#pragma once

#include <string>
#include <vector>

#include "latent/nn.h"

namespace latent::models {

/// Hidden layers named 0, 1, .. under s, each followed by the activation.
inline Expr dense_stack(const Scope& s, Arg x, const std::vector<int64_t>& widths,
                        const std::string& activation) {
  Expr h = x.expr();
  for (size_t i = 0; i < widths.size(); ++i)
    h = activate(activation, dense(s / static_cast<int>(i), h, widths[i]));
  return h;
}

}  // namespace latent::models
