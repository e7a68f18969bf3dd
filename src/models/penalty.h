// What a loss has beside its reconstruction.
#pragma once

#include <string>

#include "latent/models.h"
#include "latent/ops.h"

namespace latent::models {

/// A part of the loss, of whose total it is `weight` times; 0: it is only told.
inline void add_penalty(Loss& loss, const std::string& name, Expr value, double weight) {
  loss.parts.emplace_back(name, value);
  if (weight != 0) loss.total = loss.total + weight * value;
}

}  // namespace latent::models
