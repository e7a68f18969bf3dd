// Numbers of codes and rows, computed on the host in double and in a fixed order: how many units of
// a code are in use, how much it tells of the row, units of measure, and the spread of the data.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/scaling.h"
#include "measure/evaluator.h"

namespace latent::measure {

/// A unit of the code over rows.
struct UnitStatistics {
  double mean_variance = 0;  // Var over rows of the posterior's mean
  double kl = 0;             // mean over rows, in nats; 0 for an autoencoder
  double mean = 0;           // over rows of the posterior's mean
};
std::vector<UnitStatistics> unit_statistics(const Codes& codes);

/// The same of rows that come in pieces and are not kept.
class UnitSums {
 public:
  explicit UnitSums(int64_t latent) : units_(static_cast<size_t>(latent)) {}
  /// [some rows, latent] each; logvar is empty for an autoencoder.
  void add(std::span<const float> mean, std::span<const float> logvar);
  std::vector<UnitStatistics> statistics() const;

 private:
  /// Of a unit: deviations from the first row's mean, so that nothing cancels, and nats.
  struct Sums {
    double first = 0, deviations = 0, squares = 0, kl = 0;
  };
  std::vector<Sums> units_;
  int64_t rows_ = 0;
};

/// Units in use are those whose posterior mean varies: Var_x(mu_j) > 0.01 (Burda et al. 2016).
inline constexpr double kActiveVariance = 0.01;
int64_t active_units(std::span<const UnitStatistics> units);

/// I(x; z) = average KL(q(z|x) || p(z)) - KL(q(z) || p(z)) under q (Hoffman and Johnson 2016), in
/// nats, at most ln(rows). q(z) is the mixture over the rows of `codes`; the second term is
/// estimated from one draw of each row, `draws` [rows, latent], so that the estimate can fall
/// slightly below 0. Costs rows^2 * latent.
double mutual_information(const Codes& codes, std::span<const float> draws);

/// Bits a value of nats for `dims` values: nats / (dims ln 2), plus `quantization_bits`.
Estimate bits_per_dimension(const Estimate& nats, int64_t dims, double quantization_bits = 0);
/// What turns the density of a scaled value into the probability of a stored whole number (Theis et
/// al. 2016): minus the mean over columns of log2 scale, 8 for bytes scaled to [0, 1) by 1/256. 0
/// for likelihoods that give probabilities (bernoulli, discretized_logistic and its mixture). The
/// bound holds on dequantized data, that is with uniform noise of one step added.
double quantization_bits(const Scaling& scaling, const std::string& likelihood);

/// Weight of the KL divergence where the squared error has the weight 1/2 of a Gaussian of variance
/// 1, for an objective sse_weight * (sum of squares) + kl_weight * KL: kl_weight / (2 sse_weight).
/// A mean over D values has sse_weight = 1/D, a mean over units kl_weight = 1/units, a Gaussian of
/// standard deviation sigma sse_weight = 1/(2 sigma^2), so that beta = sigma^2.
double effective_beta(double sse_weight, double kl_weight);

/// Variance over rows [n, width] of each value, averaged over the values.
double mean_variance(std::span<const float> rows, int64_t width);
/// Of the rows' covariance, which is not formed: power iteration from a fixed start until a round
/// changes it by less than 1e-4, 100 rounds at most; approached from below. Costs n * width a
/// round.
double largest_eigenvalue(std::span<const float> rows, int64_t width);

}  // namespace latent::measure
