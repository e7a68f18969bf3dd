// Distributions: likelihoods of the data given the decoder's output, the Gaussian posterior,
// divergences. Every function gives one value a row, [n], summed over all other axes, with all
// constants kept, so that numbers of different models compare.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "latent/graph.h"

namespace latent {

/// p(x | parameters): how a decoder's output [n, d * params_per_value] explains x [n, d].
struct Likelihood {
  std::string name;
  int64_t params_per_value = 1;
  std::function<Expr(Arg params, Arg x)> nll;  ///< -log p, [n], in nats
  /// E[x], [n, d]; of discretized_logistic the location, clamped to [0, 1], and of its mixture the
  /// mean of these: near the edges E[x] lies a little further inside.
  std::function<Expr(Arg params)> mean;
  std::function<Expr(const Scope& s, Arg params)> sample;  ///< A draw, [n, d]
  /// The last of the parameters a value, which are logarithms of scales. A stack's decoder starts
  /// them at zero.
  int64_t scales_per_value = 0;
};

LATENT_API Likelihood bernoulli();  ///< Logits; for x in [0, 1], softplus(l) - l x. On grey values
                                    ///< a bound, not a density.
LATENT_API Likelihood gaussian_fixed(double sigma);
LATENT_API Likelihood
gaussian_learned();  ///< Parameters [mean, logvar from -12 on]: the halves of the last axis.
/// sigma-VAE (Rybkin et al. 2021, arXiv 2006.13202): one sigma, at its optimum for the batch: D/2
/// (ln(2 pi mse) + 1), mse the mean squared error over batch and dimensions, never below sigma
/// 1e-3.
LATENT_API Likelihood gaussian_optimal();
/// Sum of squares: a Gaussian of variance 1/2 without its constant. For the reference nets; not
/// comparable to the others.
LATENT_API Likelihood squared_error();
LATENT_API Likelihood laplace(double scale);
/// 256 levels k / 255 in [0, 1] (Kingma et al. 2016): the logistic's mass of each level's bin, the
/// tails in the first and the last. Parameters [mean in [-1, 1], log scale from -7 on]: the halves
/// of the last axis.
LATENT_API Likelihood discretized_logistic();
/// A mixture of such logistics for each value (Salimans et al. 2017, arXiv 1701.05517, with
/// channels on their own). Parameters: logits of the weights, means, log scales (from -7 on), each
/// `components` blocks of the last axis.
LATENT_API Likelihood discretized_logistic_mixture(int components = 5);
LATENT_API Likelihood continuous_bernoulli();  ///< Loaiza-Ganem and Cunningham 2019: a density on
                                               ///< [0, 1]; parameters are logits.
/// Logits [n, classes] and the class of each row, as i32 [n] or one-hot [n, classes].
LATENT_API Expr categorical_nll(Arg logits, Arg target);
/// By name: bernoulli, gaussian (learned sigma), gaussian_fixed (sigma 1), gaussian_optimal,
/// squared_error, laplace (scale 1), discretized_logistic, discretized_logistic_mixture (5
/// components), continuous_bernoulli.
LATENT_API Likelihood likelihood_named(const std::string& name);

/// log C(lambda) of the continuous Bernoulli, from logits; finite everywhere, ln 2 at 0.
LATENT_API Expr continuous_bernoulli_log_norm(Arg logits);

/// A diagonal Gaussian [n, d].
struct LATENT_API Gaussian {
  Expr mean, logvar;
  Expr sample(const Scope& s) const;  ///< mean + exp(logvar / 2) * eps
  Expr log_prob(Arg z) const;         ///< [n]
  Expr kl_standard() const;  ///< KL to N(0, I), [n]: 1/2 sum(mean^2 + e^logvar - 1 - logvar)
  Expr kl_per_unit() const;  ///< The same averaged over the batch, not summed: [d]
};
LATENT_API Expr standard_normal_log_prob(Arg z);                      ///< [n]
LATENT_API Expr kl_divergence(const Gaussian& q, const Gaussian& p);  ///< [n]
LATENT_API Expr kl_monte_carlo(const Gaussian& q, Arg z);  ///< log q(z) - log N(z; 0, I), [n]
LATENT_API Expr categorical_kl_uniform(Arg logits);        ///< KL(softmax(logits) to uniform), [n]
/// log of the mean of exp over an axis: the IWAE bound of log weights [k, n] over axis 0.
LATENT_API Expr logmeanexp(Arg x, int axis = 0);

}  // namespace latent
