// The training loop: epochs of steps, validation, best weights, roll-back, checkpoints, stopping.
// Deterministic but for when it saves and stops; nothing that depends on the clock is kept but the
// seconds in the metrics.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "data/augment.h"
#include "data/loader.h"
#include "latent/optim.h"
#include "latent/train.h"
#include "measure/statistics.h"
#include "train/corrupt.h"
#include "train/metrics.h"
#include "train/preprocess.h"
#include "train/run_folder.h"
#include "train/state.h"

namespace latent {

/// A part of the validation where there are steps of the encoder alone: the mutual information of
/// rows and codes.
inline constexpr const char* kInformation = "information";

class Loop {
 public:
  /// All must outlive the loop. `folder` may be null: nothing is written.
  Loop(const Architecture& architecture, const Preprocessing& preprocessing, const Dataset& data,
       const TrainOptions& options, const RunFolder* folder);

  /// Parameters to start from, by name; DataError when one has another shape, UsageError when no
  /// name fits.
  void initialize(std::map<std::string, Tensor> weights, const std::string& path);
  /// DataError when the checkpoint's slots are not those of this model.
  void restore(Checkpoint checkpoint, const std::string& path);

  /// Plans and times a few steps, whose effect is undone.
  Forecast forecast();

  /// The training step of a full batch.
  Plan& training_plan() { return training_.at(std::ssize(loader_.batch(state_.epoch, 0))); }

  /// To the end or a stop: finished, early or stopped. Throws Diverged.
  TrainEvent::Kind run();

  /// The weights of the best validation seen by this object; else, when there never was one, the
  /// last; none when the best is in the run folder only.
  std::optional<std::map<std::string, Tensor>> result();
  const TrainState& state() const { return state_; }
  int64_t updates() const;  // done so far, by runs before this one too

 private:
  using Clock = std::chrono::steady_clock;

  void trace_training(Graph& g, int64_t n, bool encoder_alone);
  void trace_evaluation(Graph& g, int64_t n);
  double rate_at(int64_t update) const;
  RowKind row_kind() const;

  void fill(Plan& plan, const Dataset& data, std::span<const int32_t> rows);
  void fill_training(Plan& plan, std::span<const int32_t> rows);  // augmented
  bool encoder_alone() const;        // whether the next step moves nothing else
  bool step();                       // one update; false when its loss was not finite
  int64_t validation_batch() const;  // rows validated at a time
  std::optional<Parts> validate();   // none when asked to stop
  void note_units(nlohmann::ordered_json& line) const;  // how validated rows use the code
  void note_information(double nats);                   // ends the steps of the encoder alone
  bool finish_epoch();  // validates and counts; false when asked to stop
  void roll_back(const std::string& what);
  void save();  // rolls back instead when a weight is not finite
  bool stop_asked();
  bool stopped_early() const;
  bool settled() const;    // the warm-up is over
  void sync_evaluation();  // weights to be validated into eval_slots_
  void emit(const TrainEvent& event) const;
  TrainEvent event(TrainEvent::Kind kind, std::string message = "") const;

  const Architecture& architecture_;
  const Preprocessing& preprocessing_;
  const Dataset& data_;
  const TrainOptions& options_;
  const RunFolder* folder_;
  const Dataset& validation_data_;  // data_ itself where rows are held out
  std::vector<int32_t> validation_rows_;
  Loader loader_;
  Augment augment_;

  Slots slots_, eval_slots_;
  PlanFamily training_, encoder_, evaluation_;  // encoder_: training of the encoder alone
  std::vector<std::string> weights_;            // names of the model's slots
  std::vector<std::string> parts_;              // names fetched, "loss" first
  bool aims_ = false;  // parameters follow losses of their own, and the total tells no better epoch
  int64_t code_units_ = 0;                      // that validation fetches; 0: no code
  bool posterior_ = false;                      // whether these have a KL divergence
  std::vector<measure::UnitStatistics> units_;  // over the rows validated last

  TrainState state_;
  Metrics metrics_;
  Snapshot good_;                       // at the start of the epoch
  std::map<std::string, Tensor> best_;  // weights
  bool best_unsaved_ = false;
  Clock::time_point began_ = Clock::now(), saved_ = Clock::now(), told_ = Clock::now();
  double epoch_seconds_ = 0;
};

}  // namespace latent
