// latent plan: what training would take, with the flags of `latent train`, without training.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/help.h"
#include "cli/layers.h"
#include "cli/output.h"
#include "cli/request_flags.h"
#include "cli/verbs.h"
#include "report/words.h"
#include "train/preview.h"

namespace latent::cli {

namespace {

struct PlanFlags {
  TrainRequest request;
  int64_t threads = 0;
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
                      {"layers", layers_json(plan.architecture.layers)},
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

void print(const TrainPlan& plan, const Forecast& f, const PlanStats& s) {
  const auto epochs = static_cast<double>(plan.options.epochs);
  tell(fmt::format("parameters  {}\n", f.parameters));
  tell(fmt::format("memory      {:.1f} MB at the peak, {:.2f} MB of it the step's arena\n",
                   static_cast<double>(f.peak_bytes) / 1e6,
                   static_cast<double>(s.arena_bytes) / 1e6));
  tell(fmt::format("step        {} rows, {} calls in {} stages, {:.3g} Mflop\n", plan.options.batch,
                   s.calls, s.stages, s.flops / 1e6));
  tell(fmt::format("time        {} an epoch of {} steps, {} for {} epochs\n",
                   duration_text(f.seconds_per_epoch), f.steps_per_epoch,
                   duration_text(epochs * f.seconds_per_epoch), plan.options.epochs));
  tell("\n");
  print_layers(plan.architecture.layers);
}

int run(const PlanFlags& flags) {
  TrainPlan plan = plan_training(flags.request);
  plan.options.threads = static_cast<int>(flags.threads);
  fmt::print(stderr, "{}", plan.summary);
  Preview preview(plan.architecture, plan.data, plan.options);
  const Forecast forecast = preview.forecast();
  const PlanStats stats = preview.step().stats();
  const std::string note = plan.options.dtype == "bf16" ? bf16_note() : "";
  if (flags.json)
    print_json(json_of(plan, forecast, stats, note));
  else
    print(plan, forecast, stats);
  if (!note.empty()) fmt::print(stderr, "{}\n", note);
  if (flags.explain) fmt::print("\n{}", preview.step().explain());
  if (flags.profile) fmt::print("\n{}", preview.step().profile(kProfiledRuns));
  return 0;
}

}  // namespace

Action add_plan(Flags& flags) {
  auto asked = std::make_shared<PlanFlags>();
  add_request_flags(flags, asked->request);
  add_threads(flags, asked->threads);
  flags.add("--explain", asked->explain,
            "print the step: passes, memory, each call and its kernel");
  flags.add("--profile", asked->profile, "run the step and print where its time goes");
  flags.add("--json", asked->json, "as JSON");
  flags.exclude("--json", "--explain");
  flags.exclude("--json", "--profile");
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
