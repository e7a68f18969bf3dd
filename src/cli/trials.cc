// See trials.h.
#include "cli/trials.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/file.h"
#include "cli/lists.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "data/content.h"
#include "data/loader.h"
#include "measure/evaluator.h"
#include "train/options.h"
#include "train/preprocess.h"

namespace latent::cli {

namespace {

using namespace measure;
using nlohmann::json;

constexpr int64_t kDraws = 4;

/// Keys whose values cannot be compared by the loss, or are not settings.
constexpr std::string_view kFixed[] = {"data",   "label",      "model",   "validation",
                                       "init",   "likelihood", "loss",    "scaling",
                                       "epochs", "seed",       "schedule"};

/// Whether settings of a tuning may differ in the key: not in one that makes other rows of the
/// files.
bool may_vary(const std::string& key) {
  static const std::vector<ConfigField> of_content = content_fields();
  return std::ranges::count(kFixed, key) == 0 &&
         std::ranges::count(of_content, key, &ConfigField::name) == 0;
}

/// The values that a text lists; one for a text that lists none.
std::vector<std::string> values_of(const std::string& key, const std::string& text) {
  using Kind = ConfigField::Kind;
  const auto keys = train_keys();
  const auto field = std::ranges::find(keys, key, &ConfigField::name);
  const bool list =
      field != keys.end() && (field->kind == Kind::integers || field->kind == Kind::words);
  return split_list(text, ("--" + key).c_str(), list ? '/' : ',');
}

double held_out_loss(const Model& model, const Data& data, const TrainOptions& o) {
  const Scaling& scaling = model.preprocessing().scaling;
  Evaluator evaluator(view_of(model.architecture()), model.weights(), {.threads = o.threads});
  const RowSource trained = rows_of(data.dataset(), scaling, trained_rows(data, o));
  const RowSource held =
      o.validation_data
          ? rows_of(o.validation_data->dataset(), scaling)
          : rows_of(data.dataset(), scaling, split(data.size(), o.validation, o.seed).validation);
  const std::optional<double> sigma = evaluator.sigma_of(trained);
  if (!evaluator.has_posterior()) {
    const double nll = mean_of(evaluator.reconstruction_nll(held, sigma)).value;
    return evaluator.view().prior_nll ? nll + mean_of(evaluator.code_nll(held)).value : nll;
  }
  return evaluator.elbo(held, kDraws, sigma).negative_elbo().value;
}

}  // namespace

std::vector<Setting> settings_of(TrainRequest& request) {
  std::vector<Setting> settings = {{}};
  std::map<std::string, std::string> fixed;
  for (const auto& [key, text] : request.flags) {
    const bool free = may_vary(key);
    const std::vector<std::string> values =
        free ? values_of(key, text) : std::vector<std::string>{text};
    if (!free && text.find(',') != text.npos && key != "validation" && key != "label")
      throw UsageError("--" + key +
                       " takes one value here: losses of different ones do not "
                       "compare; found \"" +
                       text + "\"");
    if (values.size() == 1) {
      fixed[key] = text;
      continue;
    }
    std::vector<Setting> more;
    for (const Setting& s : settings) {
      for (const std::string& value : values) {
        more.push_back(s);
        more.back()[key] = value;
      }
    }
    settings = std::move(more);
  }
  request.flags = std::move(fixed);
  return settings;
}

TrainRequest with(const TrainRequest& request, const Setting& setting) {
  TrainRequest r = request;
  for (const auto& [key, value] : setting) r.flags[key] = value;
  return r;
}

TrainPlan first_plan(const TrainRequest& request, const Setting& setting,
                     const std::optional<Data>& opened) {
  if (request.data == "-")
    throw UsageError("trials read the data again and again; give a file instead of -");
  TrainPlan plan = plan_training(with(request, setting), opened);
  if (!plan.architecture.encode)
    throw UsageError("settings are compared by the loss on rows held out, and a " +
                     plan.architecture.name + " has no likelihood: compare samples instead");
  if (depends_on_total(plan.options))
    throw UsageError("trials go on for more epochs, which the schedule " + plan.options.schedule +
                     " does not allow; tune with --schedule constant");
  if (plan.options.validation == 0 && !plan.options.validation_data)
    throw UsageError("settings are compared on rows held out; --validation is 0");
  return plan;
}

std::optional<double> train_trial(const TrainRequest& request, const Setting& setting, int64_t seed,
                                  int64_t epochs, const std::string& folder, int threads,
                                  const Data& data) {
  TrainRequest r = with(request, setting);
  r.flags["epochs"] = std::to_string(epochs);
  TrainPlan plan = plan_training(r, data);
  TrainOptions& o = plan.options;
  o.seed += static_cast<uint64_t>(seed);
  o.out = folder;
  o.threads = threads;
  o.stop = [] { return signal_caught() != 0; };
  auto last = TrainEvent::Kind::planned;
  o.progress = [&](const TrainEvent& e) { last = e.kind; };
  try {
    const Model model = train(plan.architecture, plan.data, o);
    if (last == TrainEvent::Kind::stopped) return std::nullopt;
    return held_out_loss(model, plan.data, o);
  } catch (const Diverged&) {
    return INFINITY;
  }
}

TrialJournal::TrialJournal(const std::string& folder, json identity)
    : path_(folder + "/tune.json"),
      all_({{"tuning", std::move(identity)}, {"results", json::object()}}) {
  if (!std::filesystem::exists(path_)) {
    make_folder(folder);
    return;
  }
  try {
    json found = json::parse(read_file(path_));
    if (found.at("tuning") != all_.at("tuning"))
      throw UsageError(folder + " holds another tuning: " + json_text(found.at("tuning")) +
                       "; give another --out, or remove the folder");
    all_ = std::move(found);
  } catch (const json::exception& e) {
    throw DataError(std::string("the results of tuning cannot be read: ") + e.what(), path_);
  }
}

std::optional<double> TrialJournal::result(const std::string& trial, int64_t epochs) const {
  const json of_trial = all_.at("results").value(trial, json::object());
  const auto found = of_trial.find(std::to_string(epochs));
  if (found == of_trial.end()) return std::nullopt;
  return found->is_number() ? found->get<double>() : INFINITY;  // JSON has no infinity: null
}

void TrialJournal::add(const std::string& trial, int64_t epochs, double loss) {
  all_["results"][trial][std::to_string(epochs)] = loss;
  write_file_atomic(path_, json_text(all_, 2) + "\n");
}

}  // namespace latent::cli
