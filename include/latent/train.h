// Training: data and a model in, a trained model out; with a run folder, resumable to the bit.
//
//   Model m = train(Vae{{.latent = 20}}, Data::open("digits"), {.epochs = 50});
//   std::vector<float> codes = m.encode(rows);
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "latent/data.h"
#include "latent/model.h"
#include "latent/models.h"

namespace latent {

/// The loss or a weight was no finite number again and again, at lower rates too. The state before
/// is kept.
class LATENT_API Diverged : public Error {
 public:
  using Error::Error;
};

/// Loss parts of one pass over rows, row-weighted means, "loss" first.
using Parts = std::vector<std::pair<std::string, double>>;

/// What is known before the first step.
struct Forecast {
  int64_t parameters = 0;
  size_t peak_bytes = 0;         ///< Of the process: data, plans, state, copies kept, libraries.
  double seconds_per_epoch = 0;  ///< From a few steps whose effect is undone.
  int64_t steps_per_epoch = 0;
};

/// What training tells while it runs, on the calling thread.
struct TrainEvent {
  enum class Kind {
    planned,   ///< forecast is set
    resumed,   ///< from the state of the run folder; epoch, step
    step,      ///< at most ten times a second: means of the epoch so far in training
    epoch,     ///< one ended: epoch, step, training, validation, seconds
    rollback,  ///< a loss or weight was not finite: message says where; the rate is lower now
    warning,   ///< message
    saved,     ///< the run folder holds the state of step
    stopped,   ///< by `stop` or `max_seconds`; the same call goes on from here
    early,     ///< the validation has not improved for `patience` epochs
    finished   ///< all is done; also when the run folder held a finished run
  } kind = Kind::epoch;
  int64_t epoch = 0;  ///< Epochs done.
  int64_t step = 0;   ///< Updates done.
  double seconds = 0;
  Parts training, validation;  ///< validation is empty without held-out rows
  Forecast forecast;
  std::string message;
};

struct TrainOptions {
  int64_t epochs = 20;
  int64_t batch = 128;                  ///< Rows of a step; at most those of the data.
  double rate = 1e-3;                   ///< Adam's.
  std::string schedule = "constant";    ///< Of the rate; or cosine, to 0 at the last step.
  double clip_norm = 0;                 ///< Bound of the gradient's norm; 0: none.
  double validation = 0.1;              ///< Fraction of the rows held out; 0: none.
  std::optional<Data> validation_data;  ///< Instead of held-out rows.
  int64_t patience = 0;  ///< Stop after so many epochs without a better validation, counted once
                         ///< the warm-up is over; 0: never, as with losses of their own.
  /// Aggressive updates of the encoder (He et al. 2019, arXiv 1901.05534), against a decoder that
  /// learns to do without the code: of encoder_steps + 1 steps all but the last move the encoder
  /// alone, until the mutual information of rows and codes, of those validated, stops growing from
  /// one epoch to the next. For models of one loss with a posterior. 0: every step moves all.
  int64_t encoder_steps = 0;
  double average = 0;  ///< Decay of the weights' moving average, which is then validated and
                       ///< returned; 0: none. The decay at update t is min(average, t / (t + 10)).
  uint64_t seed = 1;   ///< Of weights, order, noise and hold-out.
  std::string dtype = "f32";        ///< Of products: f32 or bf16.
  std::vector<std::string> freeze;  ///< Scopes whose parameters stay as they are.
  std::string init;  ///< Model file or run folder that parameters start from, by name.
  /// Pictures are changed anew in each epoch: flip, flip-vertical, shift=N pixels, crop=F of a
  /// side.
  std::vector<std::string> augment;
  /// The encoder sees rows damaged anew in each step, the loss asks for whole ones: gaussian=S,
  /// salt=F, mask=F, block=F, in the units that the model sees.
  std::vector<std::string> corrupt;
  std::string scaling = "auto";  ///< Of the data: auto, none, minmax, standardize; from the
                                 ///< rows trained on.

  // The rest never changes a bit of the result.
  std::string out;           ///< Run folder; "": nothing is written.
  int threads = 0;           ///< 0: all CPUs.
  double max_seconds = 0;    ///< Stop after so long; 0: never.
  double save_seconds = 30;  ///< At most so often the state is saved while running.
  size_t memory_limit = 0;   ///< Bytes; 0: this machine's. What needs more is refused.
  std::function<void(const TrainEvent&)> progress;
  std::function<bool()> stop;  ///< Asked after each step: true saves and stops. May read an atomic.
};

/// Trains on every row of x (and label) of the data. The same bits for any number of threads, in
/// two runs, and whether or not it was stopped and resumed. With options.out: the same call again
/// resumes an unfinished run and returns the model of a finished one; a folder of another run is
/// refused (UsageError). Returns the weights of the best validation; without one, before the
/// warm-up is over, or where scopes follow losses of their own (Loss::aims), the last.
LATENT_API Model train(const Architecture& model, const Data& data, const TrainOptions& options);

template <class M>
Model train(const M& model, const Data& data, const TrainOptions& options = {}) {
  return train(architecture(model, data.row_elements()), data, options);
}

}  // namespace latent
