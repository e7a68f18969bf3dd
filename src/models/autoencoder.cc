// The autoencoder; see latent/models.h.
#include "latent/models.h"
#include "latent/ops.h"
#include "models/dense_stack.h"

namespace latent {

Expr Autoencoder::encode(const Scope& s, Arg x) const {
  return dense(s / "encoder" / "code",
               models::dense_stack(s / "encoder", x, c.hidden, c.activation), c.latent);
}

Expr Autoencoder::decoder_output(const Scope& s, Arg z) const {
  return dense(s / "decoder" / "out",
               models::dense_stack(s / "decoder", z, models::reversed(c.hidden), c.activation),
               c.inputs);
}

Expr Autoencoder::decode(const Scope& s, Arg z) const {
  const Expr out = decoder_output(s, z);
  return c.loss == "cross-entropy" ? sigmoid(out) : out;
}

Loss Autoencoder::loss(const Scope& s, const Batch& batch) const {
  const Expr out = decoder_output(s, encode(s, batch.x));
  Expr total;
  if (c.loss == "mse") {
    total = mean(square(out - batch.x));
  } else if (c.loss == "cross-entropy") {
    total = mean(likelihood_named("bernoulli").nll(out, batch.x));
  } else {
    throw UsageError("an autoencoder's loss is mse or cross-entropy, asked for \"" + c.loss + "\"");
  }
  return {total, {{"reconstruction", total}}};
}

}  // namespace latent
