// The VQ-VAE: a coder of places, a residual quantizer, a prior of its codes; see latent/models.h.
#include "latent/models.h"
#include "models/code_prior.h"
#include "models/coder.h"
#include "models/penalty.h"
#include "models/residual_quantizer.h"
#include "models/spectral.h"

namespace latent {

namespace {

models::ResidualQuantizer quantizer_of(const VqVae::Config& c) {
  return {c.codes, c.latent, c.quantizers, c.decay, c.revive};
}

models::CodePrior prior_of(const VqVae::Config& c) {
  const Shape grid = models::code_grid(c);
  return {grid[0], grid[1], c.codes, c.prior_units, c.prior_depth, c.quantizers};
}

// Each made here alone, so that every function names the same slots.
Scope codebook(const Scope& s) { return s / "codebook"; }
Scope prior(const Scope& s) { return s / "prior"; }

}  // namespace

Shape VqVae::grid() const { return models::code_grid(c); }

Expr VqVae::vectors(const Scope& s, Arg x) const {
  return models::encode_places(s / "encoder", c, x.expr());
}

Expr VqVae::encode(const Scope& s, Arg x) const {
  return models::side_by_side(quantizer_of(c).quantize(codebook(s), vectors(s, x)).vectors);
}

Expr VqVae::decode(const Scope& s, Arg z) const {
  const Expr sum = models::sum_of(quantizer_of(c).by_level(z.expr()));
  return models::decode_places(s / "decoder", c, sum, likelihood());
}

Expr VqVae::prior_nll(const Scope& s, Arg z) const {
  return prior_of(c).nll(prior(s), quantizer_of(c).codes_of(codebook(s), z.expr()));
}

Expr VqVae::prior_draw(const Scope& s, int64_t n, Expr temperature) const {
  return quantizer_of(c).rows_of(codebook(s), prior_of(c).draw(prior(s), n, temperature));
}

Loss VqVae::loss(const Scope& s, const Batch& batch) const {
  const models::ResidualQuantizer quantizer = quantizer_of(c);
  const models::Quantized q = quantizer.quantize(codebook(s), vectors(s, batch.input()));
  const Expr params =
      models::decode_places(s / "decoder", c, models::sum_of(q.vectors), likelihood());
  const Expr reconstruction = mean(likelihood().nll(params, batch.x));
  const Expr kl = mean(prior_of(c).nll(prior(s), q.codes));  // codes have no gradient
  Loss loss{reconstruction + kl, {{"reconstruction", reconstruction}, {"kl", kl}}};
  const auto weight = [&](double of_training) { return s.training() ? of_training : 0; };
  models::add_penalty(loss, "distance", q.distance, weight(c.commitment));
  const auto perplexity = quantizer.follow(codebook(s), q);
  loss.parts.emplace_back("perplexity", perplexity.mean);
  if (c.quantizers > 1) loss.parts.emplace_back("least_perplexity", perplexity.least);
  if (c.spectral != 0) {
    models::add_penalty(loss, "spectral", models::spectral_loss(batch.x, likelihood().mean(params)),
                        weight(c.spectral));
  }
  return loss;
}

std::vector<LayerInfo> VqVae::layers() const {
  std::vector<LayerInfo> all = models::place_layers(c, likelihood().params_per_value);
  models::add_layers(all, "codebook", quantizer_of(c).layers(grid()));
  models::add_layers(all, "prior", prior_of(c).layers());
  return all;
}

}  // namespace latent
