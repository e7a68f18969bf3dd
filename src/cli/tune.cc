// latent tune: which of several settings reaches the best held-out ELBO, by successive halving.
// Each trial is a run folder that later rungs train on, results stand in tune.json: after kill -9
// the same command goes on where it was.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>

#include "base/file.h"
#include "base/hash.h"
#include "cli/evaluation.h"
#include "cli/help.h"
#include "cli/output.h"
#include "cli/request_flags.h"
#include "cli/signals.h"
#include "cli/trials.h"
#include "cli/verbs.h"
#include "data/dataset.h"
#include "measure/halving.h"
#include "measure/view.h"
#include "train/options.h"

namespace latent::cli {

namespace {

using nlohmann::json;

struct TuneFlags {
  TrainRequest request;
  std::string out;
  int64_t seeds = 3, keep = 3, threads = 0;
  bool json = false;
};

/// What a setting has reached at the rung up to which it was trained.
struct Standing {
  size_t setting = 0;
  int64_t epochs = 0;
  measure::Estimate loss;  // over seeds
};

std::string text_of(const Setting& setting) {
  std::string text;
  for (const auto& [key, value] : setting)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", key, value);
  return text.empty() ? "the defaults" : text;
}

class Tuning {
 public:
  /// `identity` is all that decides the results.
  Tuning(const TuneFlags& flags, std::vector<Setting> settings, Data data, json identity)
      : flags_(flags),
        settings_(std::move(settings)),
        data_(std::move(data)),
        journal_(flags.out, std::move(identity)) {}

  /// Trains all rungs; false when a signal stopped it.
  bool run(const std::vector<int64_t>& rungs) {
    std::vector<size_t> left(settings_.size());
    for (size_t i = 0; i < left.size(); ++i) left[i] = i;
    for (size_t r = 0; r < rungs.size(); ++r) {
      fmt::print(stderr, "{} settings, {} seeds each, to {} epochs\n", left.size(), flags_.seeds,
                 rungs[r]);
      std::vector<Standing> standings;
      for (const size_t i : left) {
        std::vector<double> losses;
        for (int64_t seed = 0; seed < flags_.seeds; ++seed) {
          const std::optional<double> loss = trial(i, seed, rungs[r]);
          if (!loss) return false;
          losses.push_back(*loss);
        }
        standings.push_back({i, rungs[r], measure::mean_of(losses)});
        fmt::print(stderr, "  {}: {:.4f}\n", text_of(settings_[i]), standings.back().loss.value);
      }
      place(standings, r + 1 == rungs.size() ? 1 : flags_.keep, left);
    }
    return true;
  }

  const std::vector<Standing>& ranked() const { return ranked_; }

 private:
  std::optional<double> trial(size_t setting, int64_t seed, int64_t epochs) {
    const std::string name = fmt::format("{:03}-{}", setting + 1, seed + 1);
    if (const auto known = journal_.result(name, epochs)) return known;
    const auto loss = train_trial(flags_.request, settings_[setting], seed, epochs,
                                  flags_.out + "/" + name, static_cast<int>(flags_.threads), data_);
    if (loss) journal_.add(name, epochs, *loss);
    return loss;
  }

  /// Of this rung those that go on to `left`, in order; what falls out goes before what fell out
  /// earlier.
  void place(const std::vector<Standing>& standings, int64_t keep, std::vector<size_t>& left) {
    std::vector<double> losses;
    for (const Standing& s : standings) losses.push_back(s.loss.value);
    std::vector<Standing> ordered;
    for (const size_t i : measure::best_settings(losses, 1)) ordered.push_back(standings[i]);
    const size_t on = measure::best_settings(losses, keep).size();
    left.clear();
    for (size_t i = 0; i < on; ++i) left.push_back(ordered[i].setting);
    if (keep > 1) ordered.erase(ordered.begin(), ordered.begin() + static_cast<ptrdiff_t>(on));
    ranked_.insert(ranked_.begin(), ordered.begin(), ordered.end());
  }

  const TuneFlags& flags_;
  std::vector<Setting> settings_;
  Data data_;
  TrialJournal journal_;
  std::vector<Standing> ranked_;
};

/// `loss`: what it is, as of compare.
void print(const TuneFlags& flags, const std::string& loss, const std::vector<Setting>& settings,
           const std::vector<Standing>& ranked) {
  const std::string command = command_of(with(flags.request, settings[ranked[0].setting]));
  if (flags.json) {
    json j = {
        {"command", command}, {"loss", loss}, {"seeds", flags.seeds}, {"settings", json::array()}};
    for (const Standing& s : ranked)
      j["settings"].push_back(
          {{"setting", settings[s.setting]}, {"epochs", s.epochs}, {"loss", to_json(s.loss)}});
    print_json(j);
    return;
  }
  tell(fmt::format("{:>10}  {:>8}  {:>6}  setting\n", "loss", "+-", "epochs"));
  for (const Standing& s : ranked)
    tell(fmt::format("{:>10.4f}  {:>8.4f}  {:>6}  {}\n", s.loss.value, s.loss.error, s.epochs,
                     text_of(settings[s.setting])));
  fmt::print("\nbest: {}\n", command);
}

int run(TuneFlags& flags) {
  catch_signals();
  const std::vector<Setting> settings = settings_of(flags.request);
  const TrainPlan plan = first_plan(flags.request, settings[0]);
  json identity = {
      {"data", hex64(plan.data.dataset().fingerprint())},
      {"seeds", flags.seeds},
      {"keep", flags.keep},
      {"epochs", plan.options.epochs},
      {"validation", plan.options.validation_data
                         ? json(hex64(plan.options.validation_data->dataset().fingerprint()))
                         : json(plan.options.validation)}};
  // Every setting is tried before the first trains: a slip in the last must not cost hours.
  for (const Setting& s : settings) {
    const TrainPlan each = first_plan(flags.request, s, plan.data);
    identity["settings"].push_back({{"setting", s},
                                    {"model", each.architecture.name},
                                    {"config", json::parse(each.architecture.config)},
                                    {"train", config_to_json(train_fields(), each.options)}});
  }
  if (flags.out.empty()) {
    flags.out = fmt::format("runs/tune-{}-{}", plan.data.name(),
                            hex64(hash_bytes(bytes_of(json_text(identity)))).substr(0, 8));
  }
  constexpr int64_t kLeastEpochs = 1;
  const std::vector<int64_t> rungs =
      measure::rung_epochs(std::ssize(settings), plan.options.epochs, flags.keep, kLeastEpochs);
  fmt::print(stderr, "{} settings of {}; trials in {}\n", settings.size(), plan.data.name(),
             flags.out);
  Tuning tuning(flags, settings, plan.data, std::move(identity));
  if (!tuning.run(rungs)) {
    fmt::print(stderr, "stopped; the same command goes on from there\n");
    return 128 + signal_caught();
  }
  const measure::ModelView view = measure::view_of(plan.architecture);
  const bool bound = view.is_bound();
  const std::string loss = loss_name(bound, view.likelihood.name);
  print(flags, loss, settings, tuning.ranked());
  fmt::print(
      stderr, "{}",
      paragraph(fmt::format("loss: {}, of rows held out{}{}; +- is a standard error over {} "
                            "seeds, each with its own hold-out",
                            loss, view.likelihood.name == "squared_error" ? "" : ", nats a row",
                            bound ? ", at beta = 1" : "", flags.seeds),
                terminal_width()));
  return 0;
}

}  // namespace

Action add_tune(Flags& flags) {
  auto asked = std::make_shared<TuneFlags>();
  add_request_flags(flags, asked->request);
  flags.add("--seeds", "N", asked->seeds, "runs of each setting, with seeds from --seed on",
            {1, 100});
  flags.add("--keep", "N", asked->keep, "one setting in N goes on to the next rung", {2, 100});
  flags.add("-o,--out", "DIR", "folder of the trials", "runs/tune-<data>-<hash>",
            [asked](const std::string& text) { asked->out = text; });
  add_threads(flags, asked->threads);
  flags.add("--json", asked->json, "as JSON");
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
