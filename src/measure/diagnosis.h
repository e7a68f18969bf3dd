// From numbers to words: what is wrong with a trained model, how one sees it, and what to try.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "latent/diagnosis.h"
#include "measure/evidence.h"

namespace latent::measure {

using latent::Finding;

/// The findings of latent/diagnosis.h; empty when nothing is found.
std::vector<Finding> diagnose(const Evidence& evidence);

/// What diagnose() looked at, a clause each of how it is where there is no finding: "the output
/// differs between rows". What the evidence has no numbers for is not among them.
std::vector<std::string> checks_of(const Evidence& evidence);

/// `discriminator-wins` and `discriminator-guesses` alone, of a share that it tells right.
std::vector<Finding> diagnose_contest(std::optional<double> discriminator_accuracy);

/// `score-is-norm`: the scores order rows as the distance from the mean does, so that the model
/// adds nothing. Empty otherwise.
std::vector<Finding> diagnose_scores(std::span<const double> scores,
                                     std::span<const double> baseline);

}  // namespace latent::measure
