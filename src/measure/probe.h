// What simple classifiers read from features of rows, codes say: how much of the labels is there
// without a further network.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "measure/evaluator.h"

namespace latent::measure {

/// Features [rows, width] and a class a row, counted from 0.
struct Labelled {
  int64_t width = 0;
  std::span<const float> features;
  std::span<const int32_t> classes;
};

struct ProbeOptions {
  double ridge = 1;       // times the number of rows / 1000, on the weights, not on the bias
  int64_t neighbors = 5;  // that vote
};

/// Shares of test rows whose class is found; the error is over test rows.
struct ProbeResult {
  Estimate linear, neighbors;
};

/// A linear classifier, the least squares fit of indicators of classes with a ridge, in closed form
/// (Hastie et al. 2009, section 4.2), and the vote of nearest rows, a tie going to the class of the
/// nearest among those tied. Features are standardized by the training rows for the first, left as
/// they are for the second, whose distances are what is asked about. UsageError for shapes that do
/// not fit or fewer than two classes in `train`.
ProbeResult probe(const Labelled& train, const Labelled& test, const ProbeOptions& options = {});

}  // namespace latent::measure
