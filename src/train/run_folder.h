// The folder of a run: config.toml and machine.txt for people, metrics, best.safetensors (weights
// alone) and last.safetensors, the checkpoint. Says whether a folder is new, holds this run
// unfinished or finished, or another run.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "data/safetensors.h"
#include "latent/train.h"
#include "train/metrics.h"
#include "train/model_file.h"
#include "train/state.h"

namespace latent {

/// All that decides the result of a run: fingerprints of data, hold-out and initial weights, model,
/// config, options. {"data", "model", "config", "train", ..}; keys sorted.
nlohmann::json run_identity(const Architecture& a, const Data& data, const TrainOptions& o);

/// runs/<data>-<model>-<8 hex of the identity>. The number of epochs counts only where a schedule
/// depends on it, so that the same command with more epochs goes on.
std::string default_run_folder(const Architecture& a, const Data& data, const TrainOptions& o);

/// A checkpoint as it was read.
struct Checkpoint {
  SafetensorsFile file;  // tensors: slots, and "rollback/" + slot within an epoch
  TrainState state;
  std::map<std::string, int64_t> counters, rollback_counters;
  Metrics metrics;
};

class RunFolder {
 public:
  /// `description` is the model's for its files; `extendable` says that more epochs may follow.
  RunFolder(std::string path, nlohmann::json identity, ModelDescription description,
            bool extendable);

  /// The checkpoint in the folder, if any. UsageError when it is of another run, DataError when it
  /// is damaged.
  std::optional<Checkpoint> read() const;
  /// What to warn of before going on: another build or CPU than the one that began; "" for nothing.
  std::string other_machine() const;

  /// Makes the folder, clears what killed processes left, writes config.toml and machine.txt.
  void begin();
  void write_best(const std::map<std::string, const Tensor*>& weights) const;
  /// Metrics first: a checkpoint never knows of lines that are not there.
  void write_checkpoint(const std::map<std::string, const Tensor*>& tensors,
                        const TrainState& state, const std::map<std::string, int64_t>& counters,
                        const std::map<std::string, int64_t>& rollback_counters,
                        const Metrics& metrics) const;

 private:
  void check_same_run(const nlohmann::json& found) const;

  std::string path_;
  nlohmann::json identity_;
  ModelDescription description_;
  bool extendable_;
};

}  // namespace latent
