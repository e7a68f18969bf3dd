// The variational autoencoder; see latent/models.h.
#include "latent/models.h"
#include "latent/ops.h"
#include "models/dense_stack.h"

namespace latent {

Gaussian Vae::encode(const Scope& s, Arg x) const {
  const Expr h = models::dense_stack(s / "encoder", x, c.hidden, c.activation);
  return {dense(s / "encoder" / "mean", h, c.latent), dense(s / "encoder" / "logvar", h, c.latent)};
}

Expr Vae::decode(const Scope& s, Arg z) const {
  const Expr h = models::dense_stack(s / "decoder", z, models::reversed(c.hidden), c.activation);
  return dense(s / "decoder" / "out", h,
               c.inputs * likelihood_named(c.likelihood).params_per_value);
}

Expr Vae::decode_mean(const Scope& s, Arg z) const {
  return likelihood_named(c.likelihood).mean(decode(s, z));
}

Loss Vae::loss(const Scope& s, const Batch& batch) const {
  const Gaussian posterior = encode(s, batch.x);
  const Expr z = posterior.sample(s / "noise");
  const Expr reconstruction = mean(likelihood_named(c.likelihood).nll(decode(s, z), batch.x));
  const Expr kl = mean(posterior.kl_standard());
  return {reconstruction + c.beta * kl, {{"reconstruction", reconstruction}, {"kl", kl}}};
}

}  // namespace latent
