// The variational autoencoder; see latent/models.h.
#include <algorithm>

#include "base/near.h"
#include "latent/models.h"
#include "latent/ops.h"
#include "models/coder.h"
#include "models/dense_stack.h"

namespace latent {

Gaussian Vae::encode(const Scope& s, Arg x) const {
  const Scope encoder = s / "encoder";
  const Expr h = models::has_stack(c)
                     ? models::encode_rows(encoder, x.expr(), models::encoder_text(c),
                                           models::row_shape(c.picture, c.inputs))
                     : models::dense_stack(encoder, x, c.hidden, c.activation);
  const auto [mean, logvar] =
      dense_pair(s / "encoder" / "mean", s / "encoder" / "logvar", h, c.latent);
  return {mean, logvar};
}

Expr Vae::decode(const Scope& s, Arg z) const {
  if (models::has_stack(c)) {
    return models::decode_rows(s / "decoder", z.expr(), models::decoder_text(c),
                               models::row_shape(c.picture, c.inputs),
                               likelihood().params_per_value);
  }
  const Expr h =
      models::dense_stack(s / "decoder", z, {c.hidden.rbegin(), c.hidden.rend()}, c.activation);
  return dense(s / "decoder" / "out", h, c.inputs * likelihood().params_per_value);
}

Expr Vae::decode_mean(const Scope& s, Arg z) const { return likelihood().mean(decode(s, z)); }

std::vector<LayerInfo> Vae::layers() const {
  return models::layers_of(c, 2, likelihood().params_per_value);
}

double Vae::warmup(int64_t step) const {
  if (c.warmup_steps == 0) return 1;
  const auto period = static_cast<double>(c.warmup_steps);
  if (c.warmup_shape == "linear") return std::min(1.0, static_cast<double>(step) / period);
  if (c.warmup_shape == "cyclical")
    return std::min(1.0, static_cast<double>(step % c.warmup_steps) / (period * c.warmup_ramp));
  throw UsageError("a warm-up is linear or cyclical, asked for \"" + c.warmup_shape + "\"" +
                   did_you_mean(c.warmup_shape, {"linear", "cyclical"}));
}

Loss Vae::loss(const Scope& s, const Batch& batch) const {
  const Gaussian posterior = encode(s, batch.input());
  const Expr z = posterior.sample(s / "noise");
  const Expr reconstruction = mean(likelihood().nll(decode(s, z), batch.x));
  const Expr kl = mean(posterior.kl_standard());
  Loss loss{reconstruction + kl, {{"reconstruction", reconstruction}, {"kl", kl}}};
  loss.code = posterior;
  if (!s.training()) return loss;
  const Expr counted = c.free_bits > 0 ? sum(max(posterior.kl_per_unit(), c.free_bits)) : kl;
  if (c.warmup_steps > 0) {
    const Expr weight = s.graph().schedule(
        "beta", "step", [vae = *this](int64_t step) { return vae.c.beta * vae.warmup(step); });
    loss.total = reconstruction + weight * counted;
  } else {
    loss.total = reconstruction + c.beta * counted;
  }
  return loss;
}

}  // namespace latent
