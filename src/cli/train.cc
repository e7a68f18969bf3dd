// latent train: data in; model, metrics and pictures out, in a run folder. The flags are the keys
// of the catalogue and of the training options.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "cli/model_input.h"
#include "cli/request_flags.h"
#include "cli/run_report.h"
#include "cli/signals.h"
#include "cli/teller.h"
#include "cli/train_config.h"
#include "cli/verbs.h"
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
  Teller teller(flags.json, o.epochs, std::ssize(trained_rows(plan.data, o)), o.out);
  bool trained = false;
  o.progress = [&](const TrainEvent& e) {
    trained = trained || e.kind == Kind::planned;
    teller(e);
  };
  o.stop = [] { return signal_caught() != 0; };
  const Model model = train_or_bad_model(plan);
  const bool stopped = teller.last() == Kind::stopped;
  // A run that was killed after its last save has no report of its end yet.
  if (!stopped && !trained && has_report(o.out)) return 0;
  const int signal = stopped ? signal_caught() : 0;
  const std::string by = !stopped ? "" : signal ? "by a signal" : "by --max-time";
  std::vector<Finding> findings;
  const std::string written =
      write_run_report({flags.request, plan, model, teller.forecast(), by, signal}, findings);
  if (!flags.json) fmt::print(stderr, "written: {}/last.safetensors, {}\n", o.out, written);
  if (!stopped)
    for (const Finding& f : findings) teller(f);
  return signal_caught() ? 128 + signal_caught() : 0;
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
