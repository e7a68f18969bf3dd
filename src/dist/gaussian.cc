// The Gaussian posterior and divergences; see latent/dist.h.
#include <cmath>

#include "latent/dist.h"
#include "latent/ops.h"

namespace latent {

namespace {
constexpr double kLogTwoPi = 1.8378770664093453;  // ln(2 pi)

Expr sum_rows(Expr x) {  // [n, ...] -> [n]
  Axes axes;
  for (int i = 1; i < x.shape().rank(); ++i) axes.push_back(i);
  return axes.empty() ? x : sum(x, axes);
}
}  // namespace

Expr Gaussian::sample(const Scope& s) const {
  return mean + exp(0.5 * logvar) * normal(s, mean.shape());
}

Expr Gaussian::log_prob(Arg z) const {
  return -0.5 * sum_rows(square(z - mean) * exp(-logvar) + logvar + kLogTwoPi);
}

Expr Gaussian::kl_standard() const {
  return 0.5 * sum_rows(square(mean) + exp(logvar) - 1 - logvar);
}

Expr Gaussian::kl_per_unit() const {
  return latent::mean(0.5 * (square(mean) + exp(logvar) - 1 - logvar), {0});
}

Expr standard_normal_log_prob(Arg z) { return -0.5 * sum_rows(square(z) + kLogTwoPi); }

Expr kl_divergence(const Gaussian& q, const Gaussian& p) {
  return 0.5 * sum_rows((square(q.mean - p.mean) + exp(q.logvar)) * exp(-p.logvar) - 1 + p.logvar -
                        q.logvar);
}

Expr kl_monte_carlo(const Gaussian& q, Arg z) {
  return q.log_prob(z) - standard_normal_log_prob(z);
}

Expr categorical_kl_uniform(Arg logits) {
  const Expr l = log_softmax(logits);
  return sum(exp(l) * l, {-1}) + std::log(static_cast<double>(l.dim(-1)));
}

Expr logmeanexp(Arg x, int axis) {
  return logsumexp(x, axis) - std::log(static_cast<double>(x.expr().dim(axis)));
}

}  // namespace latent
