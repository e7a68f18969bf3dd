// The DCGAN; see latent/models.h.
#include "latent/models.h"
#include "latent/nn.h"
#include "latent/ops.h"
#include "models/adversarial.h"
#include "models/coder.h"

namespace latent {

std::string Dcgan::generator_text() const {
  if (models::has_stack(c)) return models::decoder_text(c);
  std::string text;
  for (auto units = c.hidden.rbegin(); units != c.hidden.rend(); ++units)
    text += "dense " + std::to_string(*units) + "; " +
            (c.activation == "none" ? "" : c.activation + "; ");
  return text + "out";
}

std::string Dcgan::discriminator_text() const {
  if (models::has_stack(c)) return models::encoder_text(c);
  std::string text;
  for (const int64_t units : c.discriminator)
    text += (text.empty() ? "dense " : "; dense ") + std::to_string(units) + "; leaky_relu 0.2";
  return text;
}

Expr Dcgan::decode(const Scope& s, Arg z) const {
  return models::decode_rows(s / "decoder", z.expr(), generator_text(),
                             models::row_shape(c.picture, c.inputs), likelihood().params_per_value);
}

Expr Dcgan::decode_mean(const Scope& s, Arg z) const { return likelihood().mean(decode(s, z)); }

Expr Dcgan::discriminate(const Scope& s, Arg x) const {
  const Scope d = s / "discriminator";
  const std::string text = discriminator_text();
  const Shape row = models::row_shape(c.picture, c.inputs);
  const Expr h = text.empty() ? x.expr() : models::encode_rows(d, x.expr(), text, row);
  return reshape(dense(d / "out", h, 1), {h.dim(0)});
}

Loss Dcgan::loss(const Scope& s, const Batch& batch) const {
  const Expr z = normal(s / "prior", {batch.x.dim(0), c.latent});
  // Real and false rows apart, so that a batch norm has the statistics of one kind.
  const Expr real = discriminate(s, batch.x), fake = discriminate(s, decode_mean(s, z));
  const models::Contest won = models::contest(real, fake);
  Loss loss{won.generator + won.discriminator,
            {{"generator", won.generator},
             {"discriminator", won.discriminator},
             {"discriminator_accuracy", won.accuracy}}};
  if (!s.training()) return loss;
  const double momentum = 0.5;  // of the paper: 0.9 swings
  loss.aims = {{won.generator, "decoder", momentum},
               {won.discriminator, "discriminator", momentum, c.discriminator_rate}};
  return loss;
}

std::vector<LayerInfo> Dcgan::layers() const {
  const Shape row = models::row_shape(c.picture, c.inputs);
  std::vector<LayerInfo> all =
      models::coder_layers("", generator_text(), row, c.latent, 0, likelihood().params_per_value);
  all.erase(all.begin());  // there is no code to make
  const std::string text = discriminator_text();
  const auto judge = text.empty() ? std::vector<LayerInfo>{} : stack_layers(text, row);
  for (LayerInfo l : judge) {
    l.scope = "discriminator/" + l.scope;
    all.push_back(std::move(l));
  }
  const int64_t features = (judge.empty() ? row : judge.back().output).elements();
  all.push_back({"discriminator/out", "dense 1", {1}, features + 1, features});
  return all;
}

}  // namespace latent
