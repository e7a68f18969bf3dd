// What `latent eval` measures, as numbers; eval.cc puts them into words.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "latent/data.h"
#include "latent/model.h"
#include "measure/diagnosis.h"
#include "measure/evaluator.h"
#include "measure/statistics.h"

namespace latent::cli {

struct EvaluationOptions {
  std::vector<int32_t> rows;      // to measure, ids of the data set
  std::vector<int32_t> trained;   // that the model was trained on; empty where that is not known
  std::vector<int32_t> held_out;  // of the data set, that it was not: what a gap is sought with
  std::optional<Data> training_data = {};  // that `trained` are of; none: of the data set measured
  int64_t k = 100;                         // importance weights a row; 0: none
  uint64_t seed = 1;
  int threads = 0;
};

/// Numbers of a VAE's code and likelihood. Nats are a row's.
struct PosteriorNumbers {
  measure::Estimate nll, kl;
  std::optional<measure::Estimate> iwae;     // the bound of log p(x), K weights; error over rows
  double log_likelihood = 0, draws_bar = 0;  // its debiased mean, 95 % bar of the draws
  int64_t weak_rows = 0;                     // of fewer than ten effective draws
  double mutual_information = 0;             // over information_rows rows
  int64_t information_rows = 0;
};

/// Of text. Numbers of tokens count the ends of rows and no padding.
struct TextNumbers {
  int64_t tokens = 0;
  measure::Estimate nats;  // a token, of all rows together
  /// exp(nats): by the negative ELBO, an upper bound, or an autoencoder's -log p(x | code); and by
  /// the bound of K importance weights, which is nearer.
  double perplexity = 0;
  std::optional<double> perplexity_iwae;
  double given_back = 0;  // share of the tokens that the likeliest text has at their place
};

/// Of a model with a prior of its own. Nats are a row's.
struct CodedNumbers {
  measure::Estimate nll, kl;  // kl: -log p(code)
};

struct Evaluation {
  std::string likelihood;
  int64_t rows = 0, inputs = 0;
  bool generator = false;  // without an encoder: of all below it has its discriminator's numbers
  /// Of a VAE, and of a model with a prior of its own, the negative ELBO; of an autoencoder
  /// -log p(x | code); nats a row.
  measure::Estimate loss;
  std::optional<PosteriorNumbers> posterior;
  std::optional<CodedNumbers> coded;  // where the posterior is one code
  std::optional<double> sigma;        // of gaussian_optimal, over the rows trained on
  /// Of text: per token. None where the bins of discretized_logistic overlap.
  std::optional<measure::Estimate> bits_per_dimension;
  /// Whether nats and bits are of a density or probability of the data, so that they compare with
  /// other likelihoods: not of squared_error, nor of bernoulli on values between 0 and 1, nor of
  /// discretized_logistic on values that lie closer than its bins.
  bool normalized = true;
  bool quantized = false;  // the density of a stored whole number was made a probability, in bits
  double rmse = 0, deviation = 0;        // of reconstructions, and of the data; in the data's units
  std::optional<TextNumbers> text;       // then there are no rmse and deviation
  double beta = 1;                       // weight of the KL asked for
  std::optional<double> effective_beta;  // where the likelihood has one noise variance
  std::optional<double> discriminator_accuracy;  // where there is a discriminator
  std::optional<measure::CodebookUse> codebook;  // where there is one
  std::vector<measure::UnitStatistics> units;
  std::vector<measure::Finding> findings;
  std::vector<std::string> checks;  // that the diagnosis made, as measure::checks_of
};

/// Half the width of a 95 % interval.
inline double bar95(const measure::Estimate& e) { return 1.96 * e.error; }
/// "86.760 +- 0.312".
std::string with_bar(const measure::Estimate& e, int digits = 3);

Evaluation evaluate(const Model& model, const Data& data, const EvaluationOptions& options);
/// Of a model without encode: how its discriminator fares, and no more.
Evaluation evaluate_generator(const Model& model, const Data& data, const EvaluationOptions& o);
nlohmann::json to_json(const Evaluation& e, int64_t k);
/// "negative ELBO, bernoulli", "reconstruction, squared_error": losses of other names do not
/// compare. `bound`: whether it is a negative ELBO.
std::string loss_name(bool bound, const std::string& likelihood);
/// "50.1 of 64 codes", and of several levels also what the least of them uses.
std::string use_of(const measure::CodebookUse& use);
/// Why bits per dimension are not told, for people; "" where they are.
std::string no_bits(const Evaluation& e);
nlohmann::json to_json(const measure::Estimate& e);  // {value, error}

}  // namespace latent::cli
