// The VAE-GAN; see latent/models.h.
#include "latent/ops.h"
#include "models/adversarial.h"
#include "models/coder.h"

namespace latent {

Vae VaeGan::vae() const {
  Vae net = models::coder_of<Vae>(c);
  net.c.likelihood = c.likelihood;
  return net;
}

Loss VaeGan::loss(const Scope& s, const Batch& batch) const {
  const Vae net = vae();
  const Gaussian posterior = net.encode(s, batch.input());
  const Expr z = posterior.sample(s / "noise"), x = batch.x;
  const int64_t n = x.dim(0);
  // Reconstructions and draws from the prior in one pass through the decoder.
  const Expr drawn = normal(s / "prior", z.shape());
  const Expr parameters = net.decode(s, concat({z, drawn}, 0));
  const Expr reconstruction = mean(likelihood().nll(slice(parameters, 0, 0, n), x));
  const Expr kl = mean(posterior.kl_standard());
  const Expr shown = likelihood().mean(parameters);
  const Scope d = s / "discriminator";
  models::Judged real, made;
  if (models::has_stack(c)) {  // apart, so that a batch norm has the statistics of one kind
    real = models::judge(d, models::encode_rows(d, c, x), {});
    made = models::judge(d, models::encode_rows(d, c, shown), {});
  } else {
    const models::Judged all = models::judge(d, concat({x, shown}, 0), c.discriminator);
    real = {slice(all.logits, 0, 0, n), slice(all.features, 0, 0, n)};
    made = {slice(all.logits, 0, n, 2 * n), slice(all.features, 0, n, 2 * n)};
  }
  const models::Contest won = models::contest(real.logits, made.logits);
  const Expr back = slice(made.features, 0, 0, n);
  const Expr likeness = mean(0.5 * sum(square(real.features - back), {1}));
  Loss loss{reconstruction + kl,
            {{"reconstruction", reconstruction},
             {"kl", kl},
             {"likeness", likeness},
             {"discriminator", won.discriminator},
             {"discriminator_accuracy", won.accuracy}}};
  loss.code = posterior;
  if (!s.training()) return loss;
  loss.aims = {{c.beta * kl + likeness, "encoder"},
               {c.gamma * likeness + won.generator, "decoder"},
               {won.discriminator, "discriminator", 0.9, c.discriminator_rate}};
  return loss;
}

}  // namespace latent
