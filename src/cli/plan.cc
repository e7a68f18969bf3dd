// latent plan: what training would take, with the flags of `latent train`, without training.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/request_flags.h"
#include "cli/verbs.h"
#include "train/preview.h"

namespace latent::cli {

namespace {

struct PlanFlags {
  TrainRequest request;
  int threads = 0;
  bool explain = false, profile = false, json = false;
};

constexpr int64_t kProfiledRuns = 20;

nlohmann::json json_of(const TrainPlan& plan, const Forecast& f, const PlanStats& s,
                       const std::string& note) {
  nlohmann::json j = {{"data", plan.data.name()},
                      {"rows", plan.data.size()},
                      {"model", plan.architecture.name},
                      {"config", nlohmann::json::parse(plan.architecture.config)},
                      {"parameters", f.parameters},
                      {"peak_bytes", f.peak_bytes},
                      {"arena_bytes", s.arena_bytes},
                      {"calls", s.calls},
                      {"stages", s.stages},
                      {"flops_per_step", s.flops},
                      {"steps_per_epoch", f.steps_per_epoch},
                      {"epochs", plan.options.epochs},
                      {"seconds_per_epoch", f.seconds_per_epoch}};
  if (!note.empty()) j["note"] = note;
  return j;
}

std::string duration_text(double seconds) {
  if (seconds < 120) return fmt::format("{:.2g} s", seconds);
  return seconds < 7200 ? fmt::format("{:.1f} min", seconds / 60)
                        : fmt::format("{:.1f} h", seconds / 3600);
}

void print(const TrainPlan& plan, const Forecast& f, const PlanStats& s) {
  const auto epochs = static_cast<double>(plan.options.epochs);
  fmt::print("parameters  {}\n", f.parameters);
  fmt::print("memory      {:.1f} MB at the peak, {:.2f} MB of it the step's arena\n",
             static_cast<double>(f.peak_bytes) / 1e6, static_cast<double>(s.arena_bytes) / 1e6);
  fmt::print("step        {} rows, {} calls in {} stages, {:.3g} Mflop\n", plan.options.batch,
             s.calls, s.stages, s.flops / 1e6);
  fmt::print("time        {} an epoch of {} steps, {} for {} epochs\n",
             duration_text(f.seconds_per_epoch), f.steps_per_epoch,
             duration_text(epochs * f.seconds_per_epoch), plan.options.epochs);
}

int run(const PlanFlags& flags) {
  TrainPlan plan = plan_training(flags.request);
  plan.options.threads = flags.threads;
  fmt::print(stderr, "{}", plan.summary);
  Preview preview(plan.architecture, plan.data, plan.options);
  const Forecast forecast = preview.forecast();
  const PlanStats stats = preview.step().stats();
  const std::string note = plan.options.dtype == "bf16" ? bf16_note() : "";
  if (flags.json)
    fmt::print("{}\n", json_of(plan, forecast, stats, note).dump(2));
  else
    print(plan, forecast, stats);
  if (!note.empty()) fmt::print(stderr, "{}\n", note);
  if (flags.explain) fmt::print("\n{}", preview.step().explain());
  if (flags.profile) fmt::print("\n{}", preview.step().profile(kProfiledRuns));
  return 0;
}

}  // namespace

Action add_plan(CLI::App& app) {
  auto flags = std::make_shared<PlanFlags>();
  add_request_flags(app, flags->request);
  app.add_option("--threads", flags->threads, "0: all CPUs; never changes a result")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  CLI::Option* explain = app.add_flag("--explain", flags->explain,
                                      "print the step: passes, memory, each call and its kernel");
  CLI::Option* profile =
      app.add_flag("--profile", flags->profile, "run the step and print where its time goes");
  app.add_flag("--json", flags->json, "as JSON")->excludes(explain)->excludes(profile);
  return [flags] { return run(*flags); };
}

}  // namespace latent::cli
