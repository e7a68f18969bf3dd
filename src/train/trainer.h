// The training loop: data set and spec in, slots with trained weights out. Emits a report after
// each epoch; prints nothing.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset.h"
#include "latent/plan.h"
#include "train/model_spec.h"

namespace latent {

struct TrainOptions {
  int64_t epochs = 20, batch = 128;
  double rate = 1e-3;
  double validation = 0.1;  // fraction of the rows held out; 0: none
  uint64_t seed = 1;
  int threads = 0;
  bool bf16 = false;
};

/// Loss parts of one pass, row-weighted means, the total first.
using Parts = std::vector<std::pair<std::string, double>>;

struct EpochReport {
  int64_t epoch = 0;  // from 1
  double seconds = 0;
  Parts training, validation;  // validation is empty without held-out rows
};

/// The loss or a weight stopped being a finite number.
class Diverged : public Error {
 public:
  using Error::Error;
};

/// Trains and returns the last report. Slots get the weights, the optimizer's moments and counters.
/// The same bits for any number of threads.
EpochReport train(const Dataset& data, const ModelSpec& spec, Slots& slots,
                  const TrainOptions& options,
                  const std::function<void(const EpochReport&)>& progress);

/// Inputs of the given rows as the model wants them, [n, inputs].
Tensor inputs_of(const Dataset& data, const ModelSpec& spec, std::span<const int32_t> rows);

/// Saves all slots and counters with the spec; loads them again. Loading throws DataError for a
/// file that is no model.
void save_model(const std::string& path, const ModelSpec& spec, const Slots& slots);
ModelSpec load_model(const std::string& path, Slots& slots);

}  // namespace latent
