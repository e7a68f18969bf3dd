// From numbers to words: what is wrong with a trained model, how one sees it, and what to try.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "measure/evidence.h"

namespace latent::measure {

struct Finding {
  /// A fault asks for action; a remark explains what looks like a fault and is none.
  enum class Kind : uint8_t { fault, remark } kind = Kind::fault;
  std::string code;      // one of those below, for programs
  std::string sentence;  // what is seen, with numbers
  std::string advice;    // what to try; "" for a remark
};

/// Codes: `collapsed` (the code says nothing of the row), `collapse-is-right` (and no code could:
/// the noise that the likelihood assumes exceeds every variance of the data), `collapsed-units`
/// (nearly all), `constant-output`, `range` (values that the likelihood has no place for),
/// `kl-scale` (a KL divergence that weighs far more or less than asked for), `dead-units`, `gap`
/// (held-out rows fare much worse). Empty when nothing is found.
std::vector<Finding> diagnose(const Evidence& evidence);

/// `score-is-norm`: the scores order rows as the distance from the mean does, so that the model
/// adds nothing. Empty otherwise.
std::vector<Finding> diagnose_scores(std::span<const double> scores,
                                     std::span<const double> baseline);

}  // namespace latent::measure
