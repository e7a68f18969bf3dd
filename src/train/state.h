// What a run is, apart from its config: where it stands in the data, what it has seen, and copies
// of the slots. All of it goes through a checkpoint, so that a resumed run is the same run.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "latent/plan.h"
#include "latent/train.h"

namespace latent {

/// A copy of slots and counters, kept while training to roll back to.
struct Snapshot {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, int64_t> counters;

  void take(const Slots& slots);  ///< Reuses its memory from the second time on.
  void restore(Slots& slots) const;
  bool empty() const { return tensors.empty(); }
};

/// Whether every float32 element of every slot is finite.
bool all_finite(const Slots& slots);

struct TrainState {
  int64_t epoch = 0;           // epochs done, validation included
  int64_t batch = 0;           // batches done of the current epoch
  Parts sums;                  // of the current epoch: parts times rows
  int64_t rows = 0;            // of the current epoch
  std::optional<double> best;  // validation loss
  int64_t best_epoch = 0;      // whose it is, from 1
  int64_t waited = 0;          // epochs validated since without improvement
  int64_t rollbacks = 0;
  double rate_factor = 1;             // of every rate; lower after each roll-back
  int64_t metrics = 0;                // lines of metrics.jsonl
  std::optional<double> information;  // most that validated codes told of their rows, in nats
  bool together = false;              // it has stopped growing: no more steps of the encoder alone

  nlohmann::json json() const;
  /// DataError naming `path` when something is missing or out of range.
  static TrainState from_json(const nlohmann::json& j, const std::string& path);
};

}  // namespace latent
