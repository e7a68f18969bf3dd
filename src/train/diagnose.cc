// From a model and its data to findings; see latent/diagnosis.h. The rules are in
// measure/diagnosis.
#include <algorithm>
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

// The loss of a model of one's own over rows, where it has the parts that are compared. Those of
// the catalogue are known to sum what is summed.
std::optional<measure::TrainedLoss> own_loss(const Model& model, const Data& data,
                                             const measure::RowSource& rows) {
  if (model.architecture().name != "custom") return {};
  const measure::RowSource some = measure::some_rows(rows, kRows);
  const int64_t n = some.size();
  Graph g;
  Batch batch{.x = g.feed("x", {n, model.inputs()}),
              .row = g.feed("row:" + std::to_string(n), {n}, DType::i32)};
  const std::vector<Field>& fields = data.dataset().fields();
  const bool labelled = std::ranges::count(fields, "label", &Field::name) > 0;
  if (labelled) batch.label = g.feed("label", {n}, DType::i32);
  const Loss loss = model.architecture().loss(Scope(g, false), batch);
  const auto part =
      std::ranges::find(loss.parts, "reconstruction", &std::pair<std::string, Expr>::first);
  if (part == loss.parts.end()) return {};
  g.fetch("total", loss.total);
  g.fetch("reconstruction", part->second);
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
  return measure::TrainedLoss{plan.scalar("total"), plan.scalar("reconstruction")};
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
  return measure::diagnose(measure::gather_evidence(
      evaluator, trained, &held,
      {.beta = config.value("beta", 1.0), .trained = own_loss(model, data, trained)}));
}

}  // namespace latent
