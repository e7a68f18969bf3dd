// The variational autoencoder; see latent/models.h.
#include "latent/models.h"
#include "latent/ops.h"
#include "models/coder.h"
#include "models/elbo.h"
#include "nn/condition.h"

namespace latent {

namespace {

/// The label as one-hot [n, classes]; empty for a model that takes none.
Expr label_of(const Vae::Config& c, Arg rows) {
  if (c.condition.empty()) return {};
  if (c.condition != "label")
    throw UsageError("a vae is conditioned on label or nothing, asked for \"" + c.condition + "\"" +
                     did_you_mean(c.condition, {"label"}));
  if (c.classes < 1) throw UsageError("a vae conditioned on labels needs the number of classes");
  return nn::given_label(rows.expr().graph(), rows.expr().dim(0), c.classes);
}

}  // namespace

Gaussian Vae::encode(const Scope& s, Arg x) const {
  const Expr h = models::encode_rows(s / "encoder", c, x.expr(), label_of(c, x));
  const auto [mean, logvar] =
      dense_pair(s / "encoder" / "mean", s / "encoder" / "logvar", h, c.latent);
  return {mean, logvar};
}

Expr Vae::decode(const Scope& s, Arg z) const {
  return models::decode_rows(s / "decoder", c, models::joined(z.expr(), label_of(c, z)),
                             likelihood());
}

std::vector<LayerInfo> Vae::layers() const {
  return models::layers_of(c, 2, likelihood().params_per_value,
                           c.condition.empty() ? 0 : c.classes);
}

double Vae::warmup(int64_t step) const { return models::warmup(c, step); }

Loss Vae::loss(const Scope& s, const Batch& batch) const {
  const Gaussian posterior = encode(s, batch.input());
  const Expr z = posterior.sample(s / "noise");
  return models::elbo_loss(s, c, likelihood().nll(decode(s, z), batch.x), posterior);
}

}  // namespace latent
