// Runs a trained model over rows: codes, the parts of the ELBO, importance-weighted bounds. A row's
// numbers depend on the row, the weights and the seed: not on the other rows, the number of threads
// or when it is asked.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "latent/plan.h"
#include "measure/view.h"

namespace latent::measure {

struct EvalOptions {
  int threads = 0;    // 0: all CPUs; never changes a result
  uint64_t seed = 1;  // of the noise of evaluation: (seed, row id, sample) give one draw of z
};

/// A mean over rows and its standard error, the rows seen as a sample of more such rows.
struct Estimate {
  double value = 0, error = 0;
};
Estimate mean_of(std::span<const double> rows);
/// Of a sum over rows by another, as nats by tokens: to first order in the rows' chance.
Estimate ratio_of(std::span<const double> rows, std::span<const double> by);

/// Posterior of each row, [rows, latent] row-major; logvar is empty for an autoencoder.
struct Codes {
  int64_t latent = 0;
  std::vector<float> mean, logvar;
};

/// The ELBO is -(nll + kl); every number in nats, one a row.
struct Elbo {
  std::vector<double> nll;  // -log p(x|z) averaged over the draws of z ~ q(z|x); never at the mean
                            // code, which would be no bound
  std::vector<double> kl;   // KL(q(z|x) || N(0, I)), closed form
  std::optional<double> sigma;  // that was used for gaussian_optimal

  std::vector<double> rows() const;  // nll + kl
  Estimate negative_elbo() const { return mean_of(rows()); }
};

/// log of the mean of K importance weights p(x, z) / q(z|x) (Burda et al. 2016, arXiv 1509.00519),
/// a lower bound of log p(x) in the mean, in nats.
struct Iwae {
  int64_t samples = 0;
  std::vector<double> bound;     // a row: log 1/K sum w
  std::vector<double> variance;  // a row: of `bound`, by the delta method: var(w) / (K mean(w)^2)
  std::optional<double> sigma;

  double mean_bound() const;  ///< Over the rows.
  /// log p(x) averaged over these rows with a 95 % bar of the Monte Carlo error: the bound falls
  /// short by half its variance to first order in 1/K (Nowozin 2018, "Debiasing evidence
  /// approximations"), which is added.
  double log_likelihood() const;
  double bar() const;  ///< Half the width, 1.96 standard errors; 0 where all weights agree.
  /// Rows of fewer than ten effective draws, (sum w)^2 / sum w^2: a few weights stand for all, the
  /// bound falls short by more than it shows, and the bar says too little. Draw more where there
  /// are any.
  int64_t weak_rows() const;
};

class Evaluator {
 public:
  /// Copies the weights that the view's functions ask for. UsageError when one is missing.
  Evaluator(ModelView view, const Slots& weights, EvalOptions options = {});
  ~Evaluator();
  Evaluator(Evaluator&&) noexcept;

  const ModelView& view() const;
  bool has_posterior() const;  ///< false for an autoencoder
  Slots& weights();            ///< The copies.
  Codes codes(const RowSource& rows);
  /// A draw z ~ q(z|x) of each row, number `sample`: [rows, latent].
  std::vector<float> draws(const RowSource& rows, int64_t sample = 0);
  /// The standard deviation of a gaussian_optimal likelihood: the root mean squared error over
  /// these rows, evenly 4096 of them where they are more, of one draw of z each (of the code, where
  /// there is no posterior), at least 1e-3. None for other likelihoods. Of the rows trained on it
  /// is what the functions below take as `sigma`; unset there, it is that of the rows measured,
  /// which flatters them.
  std::optional<double> sigma_of(const RowSource& rows);
  /// `samples` draws of z a row. UsageError for an autoencoder, which has no posterior.
  Elbo elbo(const RowSource& rows, int64_t samples = 1, std::optional<double> sigma = {});
  Iwae iwae(const RowSource& rows, int64_t samples, std::optional<double> sigma = {});
  /// Means of x given the mean code, [rows, inputs], in model space.
  std::vector<float> reconstruct(const RowSource& rows);
  /// -log p(x | mean code) of each row: the loss of an autoencoder, no bound for a VAE.
  std::vector<double> reconstruction_nll(const RowSource& rows, std::optional<double> sigma = {});
  /// -log p(code) of each row, where the view has such a prior: with reconstruction_nll a bound of
  /// -log p(x).
  std::vector<double> code_nll(const RowSource& rows);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace latent::measure
