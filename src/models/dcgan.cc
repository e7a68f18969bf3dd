// The DCGAN; see latent/models.h.
#include "latent/models.h"
#include "latent/nn.h"
#include "latent/ops.h"
#include "models/adversarial.h"
#include "models/coder.h"

namespace latent {

std::string Dcgan::generator_text() const {
  return models::has_stack(c) ? models::decoder_text(c)
                              : models::dense_mirror(c.hidden, c.activation);
}

std::string Dcgan::discriminator_text() const {
  return models::has_stack(c) ? models::encoder_text(c)
                              : models::dense_text(c.discriminator, "leaky_relu 0.2");
}

Expr Dcgan::decode(const Scope& s, Arg z) const {
  return models::decode_rows(s / "decoder", z.expr(), generator_text(),
                             models::row_shape(c.picture, c.inputs), likelihood());
}

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
  models::add_layers(all, "discriminator", judge);
  const int64_t features = (judge.empty() ? row : judge.back().output).elements();
  all.push_back({"discriminator/out", "dense 1", {1}, features + 1, features});
  return all;
}

}  // namespace latent
