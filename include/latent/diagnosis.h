// What is wrong with a trained model, in words: from its codes, reconstructions and gradients over
// rows of its data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "latent/error.h"

namespace latent {

class Data;
class Model;
struct TrainOptions;

struct Finding {
  /// A fault asks for action; a remark explains what looks like a fault and is none.
  enum class Kind : uint8_t { fault, remark } kind = Kind::fault;
  std::string code;      ///< For programs; see diagnose().
  std::string sentence;  ///< What is seen, with numbers.
  std::string advice;    ///< What to try; "" for a remark.
};

/// Looks at up to 1024 rows that the model was trained on, and as many held-out ones, as `options`
/// tell them apart. Codes: `collapsed` (the code says nothing of the row), `collapse-is-right` (and
/// no code could: the noise that the likelihood assumes exceeds every variance of the data),
/// `collapsed-units` (nearly all), `constant-output`, `range` (values that the likelihood has no
/// place for), `kl-scale` (of a model of one's own with loss parts reconstruction and kl: a KL
/// divergence that weighs far more or less than 1), `dead-units`, `discriminator-wins`,
/// `discriminator-guesses`, `codebook-collapsed`, `dead-codes` (of a VQ-VAE), `gap` (held-out rows
/// fare much worse). Empty when nothing is found. UsageError for a model without encode or decode.
LATENT_API std::vector<Finding> diagnose(const Model& model, const Data& data,
                                         const TrainOptions& options);

}  // namespace latent
