// How well scores tell two kinds of rows apart: areas under curves, and how far chance moves them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "measure/evaluator.h"

namespace latent::measure {

/// Of scores that are larger for the rows that are positive, say strange.
struct Ranking {
  double auroc = 0;  // chance that a positive row scores above a negative one; ties count half
  double average_precision = 0;  // sum over distinct scores of (step in recall) * precision there
};
/// UsageError unless there is a number for each row and both kinds occur.
Ranking rank(std::span<const double> scores, std::span<const uint8_t> positive);

/// With standard errors by the bootstrap (Efron 1979), positive and negative rows redrawn apart, so
/// that both kinds stay as many as they are.
struct RankingEstimate {
  Estimate auroc, average_precision;
};
/// Deterministic: draw b of a seed is the same for all scores of the same rows, so that differences
/// between detectors are paired.
RankingEstimate rank_with_errors(std::span<const double> scores, std::span<const uint8_t> positive,
                                 int64_t draws = 500, uint64_t seed = 1);

}  // namespace latent::measure
