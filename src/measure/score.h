// Anomaly scores, one a row, larger for stranger rows, and the baseline that a score must beat.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "measure/evaluator.h"

namespace latent::measure {

enum class ScoreKind : uint8_t {
  reconstruction,  // Euclidean distance from the reconstruction of the mean code
  elbo,            // -ELBO of `samples` draws of z, in nats
  likelihood       // -log p(x) as `samples` importance weights bound it, in nats
};
const char* name_of(ScoreKind kind);
ScoreKind score_named(const std::string& name);  ///< UsageError with the nearest name.

/// Scores of rows, deterministic: the draws of a row belong to its id. elbo and likelihood need a
/// VAE. A high likelihood does not make a row normal (Nalisnick et al. 2019): smooth pictures score
/// low under models of rich ones. `sigma` as in Evaluator: without it scores under gaussian_optimal
/// depend on the other rows.
std::vector<double> anomaly_scores(Evaluator& model, const RowSource& rows, ScoreKind kind,
                                   int64_t samples = 16, std::optional<double> sigma = {});

/// Mean and standard deviation of each value of a row, in model space.
struct Baseline {
  std::vector<double> mean, deviation;
};
/// From normal rows, say those of training.
Baseline baseline_of(const RowSource& rows, int64_t inputs);
/// Norm of the standardized row, sqrt(sum ((x - mean) / deviation)^2): what a detector gives whose
/// output is constant. Values that do not vary in the baseline's rows count only where they differ
/// from the mean, with the deviation 1.
std::vector<double> baseline_scores(const Baseline& baseline, const RowSource& rows);

/// Pearson's correlation; 0 when one side does not vary. UsageError unless of equal length.
double correlation(std::span<const double> a, std::span<const double> b);

}  // namespace latent::measure
