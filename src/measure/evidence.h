// The numbers that a diagnosis is made from: gathered from a trained model and rows of its data, or
// filled in by hand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "measure/evaluator.h"
#include "measure/statistics.h"

namespace latent::measure {

/// A hidden layer whose weights no row moves: units that give 0 for every row.
struct DeadUnits {
  std::string layer;  // scope path
  int64_t dead = 0, units = 0;
};

/// The loss that training minimizes and its part "reconstruction", averaged over rows, in whatever
/// scale the model has them; past the warm-up, and without what free bits add.
struct TrainedLoss {
  double total = 0, reconstruction = 0;
};

/// Of a model with a codebook: how many codes it has, and how many carry its data (the exponential
/// of the entropy of their use, from 1 on). With several codes a place, one a level, each level has
/// a book of so many: the geometric mean over them, and the least.
struct CodebookUse {
  int64_t codes = 1;
  double perplexity = 1;
  int64_t levels = 1;
  double least_perplexity = perplexity;
};

struct Evidence {
  int64_t inputs = 0, latent = 0, rows = 0;
  std::string likelihood;
  bool has_posterior = true;
  bool conditional = false;  // on the label of a row

  // The data in model space.
  double low = 0, high = 0;
  int64_t outside_unit_interval = 0, first_row_outside = -1;  // values, row id
  double variance = 0;                                        // over rows, averaged over values
  std::optional<double> largest_eigenvalue;  // of the covariance; sought where no unit is in use

  // The code and what becomes of it.
  std::vector<UnitStatistics> units;
  double output_variance = 0;            // of reconstructions over rows, averaged over values
  std::optional<double> noise_variance;  // that the likelihood assumes, where it is one number

  // The objective, in nats a row.
  double nll = 0, kl = 0;
  double beta = 1;  // weight of the KL divergence asked for
  std::optional<TrainedLoss> trained;

  /// Of models with a discriminator: the share that it tells right, real and false weighing the
  /// same.
  std::optional<double> discriminator_accuracy;
  std::optional<CodebookUse> codebook;

  std::vector<DeadUnits> dead;
  std::optional<Estimate> training,
      validation;  // of the negative ELBO, or of the autoencoder's nll
};

struct EvidenceOptions {
  double beta = 1;
  std::optional<TrainedLoss> trained;
  std::optional<double> discriminator_accuracy;
  std::optional<CodebookUse> codebook;
  int64_t most_rows = 1024;  // rows looked at, spread evenly over those given
};

/// Runs the model over rows it was trained on, and over held-out rows where there are some.
Evidence gather_evidence(Evaluator& model, const RowSource& training, const RowSource* validation,
                         const EvidenceOptions& options = {});

}  // namespace latent::measure
