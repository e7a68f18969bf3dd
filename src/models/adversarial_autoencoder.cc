// The adversarial autoencoder; see latent/models.h.
#include "latent/ops.h"
#include "models/adversarial.h"
#include "models/coder.h"

namespace latent {

Autoencoder AdversarialAutoencoder::autoencoder() const {
  Autoencoder net = models::coder_of<Autoencoder>(c);
  net.c.loss = c.loss;
  return net;
}

Loss AdversarialAutoencoder::loss(const Scope& s, const Batch& batch) const {
  const Expr z = encode(s, batch.input());
  const int64_t n = z.dim(0);
  const Expr reconstruction = mean(likelihood().nll(decode(s, z), batch.x));
  const Expr drawn = normal(s / "prior", z.shape());
  const models::Judged judged =
      models::judge(s / "discriminator", concat({drawn, z}, 0), c.discriminator);
  const models::Contest won =
      models::contest(slice(judged.logits, 0, 0, n), slice(judged.logits, 0, n, n));
  Loss loss{reconstruction,
            {{"reconstruction", reconstruction},
             {"generator", won.generator},
             {"discriminator", won.discriminator},
             {"discriminator_accuracy", won.accuracy}}};
  loss.code = z;
  if (!s.training()) return loss;
  loss.aims = {{reconstruction + c.gamma * won.generator, "encoder"},
               {reconstruction, "decoder"},
               {won.discriminator, "discriminator"}};
  return loss;
}

}  // namespace latent
