// The variational autoencoder; see latent/models.h.
#include "latent/models.h"
#include "latent/ops.h"
#include "models/coder.h"
#include "models/dense_stack.h"
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

Expr joined(Arg rows, Expr label) {
  return label.valid() ? concat({rows.expr(), label}, 1) : rows.expr();
}

}  // namespace

Gaussian Vae::encode(const Scope& s, Arg x) const {
  const Scope encoder = s / "encoder";
  const Expr label = label_of(c, x);
  const Expr h = models::has_stack(c)
                     ? models::encode_rows(encoder, x.expr(), models::encoder_text(c),
                                           models::row_shape(c.picture, c.inputs), label)
                     : models::dense_stack(encoder, joined(x, label), c.hidden, c.activation);
  const auto [mean, logvar] =
      dense_pair(s / "encoder" / "mean", s / "encoder" / "logvar", h, c.latent);
  return {mean, logvar};
}

Expr Vae::decode(const Scope& s, Arg z) const {
  const Expr given = joined(z, label_of(c, z));
  if (models::has_stack(c)) {
    const Likelihood l = likelihood();
    return models::decode_rows(s / "decoder", given, models::decoder_text(c),
                               models::row_shape(c.picture, c.inputs), l.params_per_value,
                               l.scales_per_value);
  }
  const Expr h =
      models::dense_stack(s / "decoder", given, {c.hidden.rbegin(), c.hidden.rend()}, c.activation);
  return dense(s / "decoder" / "out", h, c.inputs * likelihood().params_per_value);
}

Expr Vae::decode_mean(const Scope& s, Arg z) const { return likelihood().mean(decode(s, z)); }

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
