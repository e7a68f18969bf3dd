// What models with a discriminator share: the loss of Goodfellow et al. 2014 (arXiv 1406.2661) on
// logits, where a generator maximizes log D instead of minimizing log(1 - D).
#pragma once

#include <string>
#include <vector>

#include "latent/models.h"
#include "latent/ops.h"

namespace latent::models {

/// Logits [n] that rows are real, and the last hidden layer [n, m] that they are made of.
struct Judged {
  Expr logits, features;
};

/// Rows [n, m] through dense layers of these widths to one logit.
Judged judge(const Scope& s, Arg rows, const std::vector<int64_t>& hidden);

/// Mean over the batch of what the discriminator and the generator minimize, and the share of rows
/// that the discriminator tells right, real and false ones weighing the same.
struct Contest {
  Expr discriminator, generator, accuracy;
};
Contest contest(Arg real_logits, Arg false_logits);

}  // namespace latent::models
