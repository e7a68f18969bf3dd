// latent train: data in; model, metrics and pictures out, in a run folder. The flags are the keys
// of the catalogue and of the training options.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "cli/model_input.h"
#include "cli/pictures.h"
#include "cli/request_flags.h"
#include "cli/signals.h"
#include "cli/train_config.h"
#include "cli/verbs.h"
#include "latent/diagnosis.h"
#include "train/options.h"
#include "train/run_folder.h"

namespace latent::cli {

namespace {

struct TrainFlags {
  TrainRequest request;
  std::string out, max_time;
  int64_t threads = 0;
  double save_every = 30;
  bool json = false;
};

std::string parts_text(const Parts& parts) {
  std::string s;
  for (const auto& [name, value] : parts)
    s += fmt::format("{}{} {:.4f}", s.empty() ? "" : "  ", name, value);
  return s;
}

nlohmann::json parts_json(const Parts& parts) {
  nlohmann::json j = nlohmann::json::object();
  for (const auto& [name, value] : parts) j[name] = value;
  return j;
}

const char* kind_name(TrainEvent::Kind kind) {
  constexpr const char* kNames[] = {"planned", "resumed", "step",    "epoch", "rollback",
                                    "warning", "saved",   "stopped", "early", "finished"};
  return kNames[static_cast<size_t>(kind)];
}

/// Says what happens: lines on stderr for people, or with --json a JSON object a line on stdout.
class Teller {
 public:
  Teller(bool json, int64_t epochs, std::string out)
      : json_(json), epochs_(epochs), out_(std::move(out)) {}

  void operator()(const TrainEvent& e) {
    seconds_ += e.kind == TrainEvent::Kind::epoch ? e.seconds : 0;
    last_ = e.kind;
    if (json_) {
      tell_json(e);
    } else {
      const std::string line = text(e);
      if (!line.empty()) fmt::print(stderr, "{}\n", line);
    }
  }

  TrainEvent::Kind last() const { return last_; }

 private:
  void tell_json(const TrainEvent& e) const {
    nlohmann::json j = {{"event", kind_name(e.kind)}, {"epoch", e.epoch}, {"step", e.step}};
    if (!e.training.empty()) j["training"] = parts_json(e.training);
    if (!e.validation.empty()) j["validation"] = parts_json(e.validation);
    if (!e.message.empty()) j["message"] = e.message;
    if (e.seconds > 0) j["seconds"] = e.seconds;
    if (e.kind == TrainEvent::Kind::planned) {
      j["parameters"] = e.forecast.parameters;
      j["peak_bytes"] = e.forecast.peak_bytes;
      j["seconds_per_epoch"] = e.forecast.seconds_per_epoch;
    }
    fmt::print("{}\n", j.dump());
    std::fflush(stdout);
  }

  std::string text(const TrainEvent& e) {
    using Kind = TrainEvent::Kind;
    switch (e.kind) {
      case Kind::planned:
        return fmt::format(
            "{} parameters, {:.1f} MB at the peak, about {:.2g} s an epoch of {} "
            "steps",
            e.forecast.parameters, static_cast<double>(e.forecast.peak_bytes) / 1e6,
            e.forecast.seconds_per_epoch, e.forecast.steps_per_epoch);
      case Kind::resumed:
        return fmt::format("resumed {} after {} epochs, at step {}", out_, e.epoch, e.step);
      case Kind::step:
        return step_text(e);
      case Kind::epoch:
        return epoch_text(e);
      case Kind::rollback:
      case Kind::warning:
        return e.message;
      case Kind::saved:
        return "";
      case Kind::stopped:
        return fmt::format("stopped at step {}, saved in {}; the same command goes on from there",
                           e.step, out_);
      case Kind::early:
        return fmt::format("stopped early after {} epochs: the validation gets no better", e.epoch);
      case Kind::finished:
        return e.message;
    }
    return "";
  }

  /// A sign of life in long epochs, every 5 s.
  std::string step_text(const TrainEvent& e) {
    if (e.seconds - told_ < 5) return "";
    told_ = e.seconds;
    return fmt::format("epoch {:3}/{}  step {}  {}", e.epoch + 1, epochs_, e.step,
                       parts_text(e.training));
  }

  /// About twenty lines a run, the first and the last epoch among them.
  std::string epoch_text(const TrainEvent& e) {
    const int64_t every = std::max<int64_t>(1, epochs_ / 20);
    if (e.epoch % every && e.epoch != epochs_ && e.epoch != 1) return "";
    told_ = std::max(told_, seconds_);
    return fmt::format("epoch {:3}/{}  {}{}{}  {:.1f} s", e.epoch, epochs_, parts_text(e.training),
                       e.validation.empty() ? "" : "  held out: ", parts_text(e.validation),
                       seconds_);
  }

  bool json_;
  int64_t epochs_;
  std::string out_;
  double seconds_ = 0, told_ = 0;  // of epochs so far; when the last line was told
  TrainEvent::Kind last_ = TrainEvent::Kind::planned;
};

/// "90", "90s", "10m", "2h" in seconds.
double duration(const std::string& text) {
  if (text.empty()) return 0;
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  const double factor = unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (end == text.c_str() || factor == 0 || !(value > 0))
    throw UsageError("--max-time takes a time like 90s, 10m or 2h, found \"" + text + "\"");
  return value * factor;
}

/// What the trained model's diagnosis found.
void tell(const Finding& f, bool json) {
  if (json) {
    const nlohmann::json j = {{"event", "finding"},
                              {"code", f.code},
                              {"fault", f.kind == Finding::Kind::fault},
                              {"message", f.sentence},
                              {"advice", f.advice}};
    fmt::print("{}\n", j.dump());
    return;
  }
  fmt::print(stderr, "{}: {}{}{}\n", f.code, f.sentence,
             f.advice.empty() ? "" : "; try: ", f.advice);
}

/// train(), where a checkpoint or model file that cannot be used is a bad model, not bad data.
Model train_or_bad_model(const TrainPlan& plan) {
  try {
    return train(plan.architecture, plan.data, plan.options);
  } catch (const DataError& e) {
    if (e.path().ends_with(".safetensors")) throw BadModel(e.what());
    throw;
  }
}

int run(const TrainFlags& flags) {
  using Kind = TrainEvent::Kind;
  catch_signals();  // also while the data are read: the run then ends after its first step
  TrainPlan plan = plan_training(flags.request);
  TrainOptions& o = plan.options;
  o.out = flags.out.empty() ? default_run_folder(plan.architecture, plan.data, o) : flags.out;
  o.threads = static_cast<int>(flags.threads);
  o.max_seconds = duration(flags.max_time);
  o.save_seconds = flags.save_every;
  if (!flags.json) fmt::print(stderr, "{}run folder {}\n", plan.summary, o.out);
  Teller teller(flags.json, o.epochs, o.out);
  bool trained = false;
  o.progress = [&](const TrainEvent& e) {
    trained = trained || e.kind == Kind::planned;
    teller(e);
  };
  o.stop = [] { return signal_caught() != 0; };
  const Model model = train_or_bad_model(plan);
  if (teller.last() == Kind::stopped) return signal_caught() ? 128 + signal_caught() : 0;
  if (!trained) return 0;
  std::string written = o.out + "/last.safetensors";
  if (draws_pictures(model)) {
    const std::string reconstructions = o.out + "/reconstructions.png",
                      samples = o.out + "/samples.png";
    write_reconstructions(reconstructions, plan.data, model);
    written += ", " + reconstructions;
    if (plan.architecture.name == "vae") {
      write_samples(samples, model, 64, o.seed);
      written += ", " + samples;
    }
  }
  if (!flags.json) fmt::print(stderr, "written: {}\n", written);
  for (const Finding& f : diagnose(model, plan.data, o)) tell(f, flags.json);
  return 0;
}

}  // namespace

Action add_train(Flags& flags) {
  auto asked = std::make_shared<TrainFlags>();
  add_request_flags(flags, asked->request);
  flags.add("-o,--out", "DIR", "run folder", "runs/<data>-<model>-<hash>",
            [asked](const std::string& text) { asked->out = text; });
  add_threads(flags, asked->threads);
  flags.add("--max-time", "TIME", asked->max_time, "stop and save after so long, as 90s, 10m, 2h");
  flags.add("--save-every", "SECONDS", asked->save_every, "between checkpoints", {});
  flags.add("--json", asked->json, "events as JSON lines on stdout");
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
