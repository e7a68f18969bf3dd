// Rows that a model writes element by element from codes (latent/writer.h), by ways that look at
// the probabilities between elements: draws from the most likely ones, and beam search.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "latent/models.h"
#include "latent/plan.h"

namespace latent::measure {

struct WritingOptions {
  double temperature = 1;  // logits are divided by it; 0: the likeliest element each time
  int64_t top_k = 0;       // draw among so many likeliest ones; 0: all
  double top_p = 1;        // draw among the fewest likeliest that make up so much (Holtzman et al.
                           // 2020, arXiv 1904.09751)
  int64_t beam = 0;  // instead of draws: the likeliest row among so many kept at each element,
                     // by the sum of log-probabilities; 0: none
  uint64_t seed = 1;
  int threads = 0;
};

/// Rows [n, length] for codes [n, latent]. Row i of a seed is the same for any n. UsageError for
/// options out of range, and for a model that has no writer.
std::vector<float> write_rows(const Architecture& model, const Slots& weights,
                              std::span<const float> codes, const WritingOptions& options);

}  // namespace latent::measure
