// The loss of a VAE from its reconstruction and its posterior: warm-up, beta, free bits. A config
// here is any with beta, warmup_steps, warmup_shape, warmup_ramp and free_bits.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/near.h"
#include "latent/models.h"
#include "latent/ops.h"

namespace latent::models {

inline const std::vector<std::string> kWarmupShapes = {"linear", "logistic", "cyclical"};

/// Of [0, 1], what beta is multiplied with at an update. linear: t / T, 1 from T on. logistic
/// (Bowman et al. 2016): 1 / (1 + exp(-12.5 (t / T - 1/2))), 1 from T on. cyclical (Fu et al.
/// 2019): linear over warmup_ramp of each T, then 1.
template <class C>
double warmup(const C& c, int64_t step) {
  if (c.warmup_steps == 0) return 1;
  const double at = static_cast<double>(step) / static_cast<double>(c.warmup_steps);
  if (c.warmup_shape == "linear") return std::min(1.0, at);
  if (c.warmup_shape == "logistic") return at >= 1 ? 1 : 1 / (1 + std::exp(-12.5 * (at - 0.5)));
  if (c.warmup_shape == "cyclical") {
    return std::min(1.0, static_cast<double>(step % c.warmup_steps) /
                             (static_cast<double>(c.warmup_steps) * c.warmup_ramp));
  }
  throw UsageError("a warm-up is linear, logistic or cyclical, asked for \"" + c.warmup_shape +
                   "\"" + did_you_mean(c.warmup_shape, kWarmupShapes));
}

/// From -log p(x|z), [n], at a draw z of the posterior. Parts: reconstruction and kl, the true one,
/// never scaled or clipped; outside training the total is their sum.
template <class C>
Loss elbo_loss(const Scope& s, const C& c, Expr nll, const Gaussian& posterior) {
  const Expr reconstruction = mean(nll), kl = mean(posterior.kl_standard());
  Loss loss{reconstruction + kl, {{"reconstruction", reconstruction}, {"kl", kl}}};
  loss.code = posterior;
  if (!s.training()) return loss;
  const Expr counted = c.free_bits > 0 ? sum(max(posterior.kl_per_unit(), c.free_bits)) : kl;
  if (c.warmup_steps > 0) {
    const Expr weight =
        s.graph().schedule("beta", "step", [c](int64_t step) { return c.beta * warmup(c, step); });
    loss.total = reconstruction + weight * counted;
  } else {
    loss.total = reconstruction + c.beta * counted;
  }
  return loss;
}

}  // namespace latent::models
