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
  const models::Judged judged = models::judge(
      s / "discriminator", concat({x, likelihood().mean(parameters)}, 0), c.discriminator);
  const models::Contest won =
      models::contest(slice(judged.logits, 0, 0, n), slice(judged.logits, 0, n, 2 * n));
  const Expr real = slice(judged.features, 0, 0, n), back = slice(judged.features, 0, n, n);
  const Expr likeness = mean(0.5 * sum(square(real - back), {1}));
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
               {won.discriminator, "discriminator"}};
  return loss;
}

}  // namespace latent
