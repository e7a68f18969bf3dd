// The order in which rows are trained on: a pure function of (seed, epoch), so that a resumed run
// goes on with the rows that the first would have taken. And the worker that fills the next batch
// while the current one is used.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/dataset.h"

namespace latent {

/// Rows 0 .. size - 1 in two sorted lists.
struct Split {
  std::vector<int32_t> train;
  std::vector<int32_t> validation;
};

/// Holds out round(size * fraction) rows at random: at least one where fraction > 0, and never all.
/// UsageError unless 0 <= fraction < 1, or when one row cannot be divided.
Split split(int64_t size, double fraction, uint64_t seed);

class Loader {
 public:
  /// Batches of `batch` rows out of `rows`; the last of an epoch may be shorter. A last batch of
  /// one row has the row before it as well, for the statistics of a batch need two.
  Loader(std::vector<int32_t> rows, int64_t batch, uint64_t seed);
  /// Out of rows 0 .. size - 1.
  Loader(int64_t size, int64_t batch, uint64_t seed);

  int64_t batch_size() const { return batch_; }
  int64_t batches() const;  ///< In one epoch.

  /// The rows of batch `index` of `epoch`; valid until another epoch is asked for.
  std::span<const int32_t> batch(int64_t epoch, int64_t index);

 private:
  std::vector<int32_t> rows_;   // as given
  std::vector<int32_t> order_;  // of epoch_
  int64_t batch_;
  uint64_t seed_;
  int64_t epoch_ = -1;
};

}  // namespace latent
