// The adversarial loss; see adversarial.h.
#include "models/adversarial.h"

#include "latent/nn.h"
#include "models/dense_stack.h"

namespace latent::models {

Judged judge(const Scope& s, Arg rows, const std::vector<int64_t>& hidden) {
  const Expr features = dense_stack(s, rows, hidden, "leaky_relu");
  return {reshape(dense(s / "out", features, 1), {features.dim(0)}), features};
}

Contest contest(Arg real_logits, Arg false_logits) {
  const Expr real = real_logits.expr(), fake = false_logits.expr();
  return {.discriminator = mean(softplus(-real)) + mean(softplus(fake)),
          .generator = mean(softplus(-fake)),
          .accuracy = 0.5 * (mean(step(real)) + 1 - mean(step(fake)))};
}

}  // namespace latent::models
