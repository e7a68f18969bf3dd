// Public entry: checks, the run folder, the loop, and the model that comes out; see latent/train.h.
#include "latent/train.h"

#include "base/memory.h"
#include "train/loop.h"
#include "train/model_impl.h"
#include "train/options.h"
#include "train/run_folder.h"

namespace latent {

Model train(const Architecture& a, const Data& data, const TrainOptions& options) {
  using Kind = TrainEvent::Kind;
  check_request(a, data, options);
  const std::vector<int32_t> rows = trained_rows(data, options);
  const Preprocessing preprocessing = choose_preprocessing(data.dataset(), options.scaling, rows);
  if (a.likelihood)
    check_likelihood(a.likelihood->name, data.dataset(), "x", preprocessing.scaling, rows);
  const auto tell = [&](const TrainEvent& e) {
    if (options.progress) options.progress(e);
  };
  std::optional<RunFolder> folder;
  std::optional<Checkpoint> checkpoint;
  const std::string last = options.out + "/last.safetensors";
  if (!options.out.empty()) {
    folder.emplace(options.out, run_identity(a, data, options),
                   ModelDescription{a.name, a.config, preprocessing}, !depends_on_total(options));
    checkpoint = folder->read();
  }
  const auto from_folder = [&] { return load(options.out, a, options.threads); };
  if (checkpoint) {
    const TrainState& s = checkpoint->state;
    const bool early = options.patience > 0 && s.waited >= options.patience;
    if (early || s.epoch >= options.epochs) {
      const auto step = checkpoint->counters.find("step");
      tell({.kind = Kind::finished,
            .epoch = s.epoch,
            .step = step == checkpoint->counters.end() ? 0 : step->second,
            .message = options.out + " holds this run, finished: nothing is done"});
      return from_folder();
    }
    const std::string warning = folder->other_machine();
    if (!warning.empty()) tell({.kind = Kind::warning, .message = warning});
  }
  if (folder) folder->begin();
  Loop loop(a, preprocessing, data.dataset(), options, folder ? &*folder : nullptr);
  if (checkpoint) {
    loop.restore(std::move(*checkpoint), last);
  } else if (!options.init.empty()) {
    const std::string path = model_path(options.init);
    SafetensorsFile file = load_safetensors(path);
    take_description(file, path);
    loop.initialize(take_weights(file), path);
  }
  TrainEvent planned{.kind = Kind::planned, .forecast = loop.forecast()};
  tell(planned);
  const size_t limit = options.memory_limit ? options.memory_limit : machine_bytes();
  if (planned.forecast.peak_bytes > limit) {
    throw UsageError("training needs about " + std::to_string(planned.forecast.peak_bytes >> 20) +
                     " MiB, the limit is " + std::to_string(limit >> 20) +
                     " MiB; use a smaller batch or model");
  }
  const Kind end = loop.run();
  std::optional<std::map<std::string, Tensor>> weights = loop.result();
  Model model = weights ? make_model(a, preprocessing, std::move(*weights), options.threads, last)
                        : from_folder();
  tell({.kind = end, .epoch = loop.state().epoch, .step = loop.updates()});
  return model;
}

}  // namespace latent
