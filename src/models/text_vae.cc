// The variational and the plain autoencoder of text; see latent/text_models.h.
#include "latent/nn.h"
#include "latent/text_models.h"
#include "models/elbo.h"
#include "models/text_coder.h"

namespace latent {

using models::text_coder;

Gaussian TextVae::encode(const Scope& s, Arg x) const {
  const Expr h = text_coder(c).read(s, x.expr());
  const auto [mean, logvar] =
      dense_pair(s / "encoder" / "mean", s / "encoder" / "logvar", h, c.latent);
  return {mean, logvar};
}

Expr TextVae::nll(const Scope& s, Arg z, Arg x) const {
  return text_coder(c).nll(s, z.expr(), x.expr());
}

Expr TextVae::decode_mean(const Scope& s, Arg z) const { return write(s, writer(), z.expr()); }

Loss TextVae::loss(const Scope& s, const Batch& batch) const {
  const Gaussian posterior = encode(s, batch.x);
  const Expr z = posterior.sample(s / "noise");
  return models::elbo_loss(s, c, nll(s, z, batch.x), posterior);
}

Expr TextVae::decode(const Scope&, Arg z) const { return z.expr(); }
Likelihood TextVae::likelihood() const { return text_coder(c).likelihood(); }
Writer TextVae::writer() const { return text_coder(c).writer(); }
std::vector<LayerInfo> TextVae::layers() const { return text_coder(c).layers(2); }
double TextVae::warmup(int64_t step) const { return models::warmup(c, step); }

Expr TextAutoencoder::encode(const Scope& s, Arg x) const {
  return dense(s / "encoder" / "code", text_coder(c).read(s, x.expr()), c.latent);
}

Expr TextAutoencoder::nll(const Scope& s, Arg z, Arg x) const {
  return text_coder(c).nll(s, z.expr(), x.expr());
}

Expr TextAutoencoder::decode_mean(const Scope& s, Arg z) const {
  return write(s, writer(), z.expr());
}

Loss TextAutoencoder::loss(const Scope& s, const Batch& batch) const {
  const Expr reconstruction = mean(nll(s, encode(s, batch.x), batch.x));
  return {reconstruction, {{"reconstruction", reconstruction}}};
}

Expr TextAutoencoder::decode(const Scope&, Arg z) const { return z.expr(); }
Likelihood TextAutoencoder::likelihood() const { return text_coder(c).likelihood(); }
Writer TextAutoencoder::writer() const { return text_coder(c).writer(); }
std::vector<LayerInfo> TextAutoencoder::layers() const { return text_coder(c).layers(1); }

}  // namespace latent
