// The parts of a trained model's loss; see loss_parts.h.
#include "train/loss_parts.h"

#include <algorithm>

#include "data/dataset.h"
#include "latent/plan.h"

namespace latent {

namespace {
constexpr int64_t kRows = 256;  // that a loss is looked at on
}  // namespace

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
  g.fetch("loss", loss.total);
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
  std::map<std::string, double> parts = {{"loss", plan.scalar("loss")}};
  for (const auto& [name, part] : loss.parts) parts[name] = plan.scalar(name);
  return parts;
}

}  // namespace latent
