// From a model and its data to findings; see latent/diagnosis.h. The rules are in
// measure/diagnosis.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "data/dataset.h"
#include "data/loader.h"
#include "latent/diagnosis.h"
#include "latent/model.h"
#include "latent/train.h"
#include "measure/diagnosis.h"
#include "train/options.h"
#include "train/preprocess.h"

namespace latent {

namespace {

constexpr int64_t kRows = 256;  // that a loss is looked at on

// The total of the model's loss over rows, as "total", and its parts by name.
std::map<std::string, double> parts_of_loss(const Model& model, const Data& data,
                                            const measure::RowSource& rows) {
  const measure::RowSource some = measure::some_rows(rows, kRows);
  const int64_t n = some.size();
  Graph g;
  Batch batch{.x = g.feed("x", {n, model.inputs()}),
              .row = g.feed("row:" + std::to_string(n), {n}, DType::i32)};
  const std::vector<Field>& fields = data.dataset().fields();
  const bool labelled = std::ranges::count(fields, "label", &Field::name) > 0;
  if (labelled) batch.label = g.feed("label", {n}, DType::i32);
  const Loss loss = model.architecture().loss(Scope(g, false), batch);
  g.fetch("total", loss.total);
  for (const auto& [name, part] : loss.parts) g.fetch(name, part);
  Slots slots;
  for (const auto& [name, t] : model.weights().tensors()) slots.set(name, t.clone());
  Plan plan(g, slots, {.threads = 1});
  some.read(some.rows, plan.feed("x").data());
  if (plan.has_feed("label")) {
    std::vector<float> labels(some.rows.size());
    data.dataset().gather("label", some.rows, labels.data());
    std::ranges::transform(labels, plan.feed<int32_t>("label").begin(),
                           [](float v) { return static_cast<int32_t>(v); });
  }
  plan.run();
  std::map<std::string, double> parts = {{"total", plan.scalar("total")}};
  for (const auto& [name, part] : loss.parts) parts[name] = plan.scalar(name);
  return parts;
}

}  // namespace

std::vector<Finding> diagnose(const Model& model, const Data& data, const TrainOptions& options) {
  const Scaling& scaling = model.preprocessing().scaling;
  measure::Evaluator evaluator(measure::view_of(model.architecture()), model.weights(),
                               {.threads = options.threads});
  const measure::RowSource trained =
      measure::rows_of(data.dataset(), scaling, trained_rows(data, options));
  measure::RowSource held;
  if (options.validation_data) {
    held = measure::rows_of(options.validation_data->dataset(), scaling);
  } else {
    held = {split(data.size(), options.validation, options.seed).validation, trained.read};
  }
  const auto config = nlohmann::json::parse(model.architecture().config);
  measure::EvidenceOptions o{.beta = config.value("beta", 1.0)};
  const std::map<std::string, double> parts = parts_of_loss(model, data, trained);
  // Models of the catalogue are known to sum what is summed.
  if (model.architecture().name == "custom" && parts.contains("reconstruction"))
    o.trained = {parts.at("total"), parts.at("reconstruction")};
  if (const auto found = parts.find("discriminator_accuracy"); found != parts.end())
    o.discriminator_accuracy = found->second;
  return measure::diagnose(measure::gather_evidence(evaluator, trained, &held, o));
}

}  // namespace latent
