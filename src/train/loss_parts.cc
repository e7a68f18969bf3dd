// Parts of a trained model's loss; see loss_parts.h.
#include "train/loss_parts.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "latent/plan.h"
#include "train/batch.h"

namespace latent {

namespace {
constexpr int64_t kRows = 256;  // that a loss is looked at on
}  // namespace

std::map<std::string, double> parts_of_loss(const Model& model, const Data& data,
                                            const measure::RowSource& rows,
                                            const std::vector<std::string>& names, bool training) {
  const measure::RowSource some = measure::some_rows(rows, kRows);
  Graph g;
  Loss loss = model.architecture().loss(
      Scope(g, training), declare_batch(g, some.size(), model.inputs(), data.dataset()));
  loss.parts.insert(loss.parts.begin(), {"loss", loss.total});
  std::erase_if(loss.parts, [&](const auto& p) { return std::ranges::count(names, p.first) == 0; });
  if (loss.parts.empty()) return {};
  for (const auto& [name, part] : loss.parts) g.fetch(name, part);
  Slots slots;
  for (const auto& [name, t] : model.weights().tensors()) slots.set(name, t.clone());
  Plan plan(g, slots, {.threads = 1});
  some.read(some.rows, plan.feed("x").data());
  feed_labels(plan, data.dataset(), some.rows);
  plan.run();
  std::map<std::string, double> parts;
  for (const auto& [name, part] : loss.parts) parts[name] = plan.scalar(name);
  return parts;
}

std::optional<double> discriminator_accuracy(const Model& model, const Data& data,
                                             const measure::RowSource& rows) {
  const auto parts = parts_of_loss(model, data, rows, {"discriminator_accuracy"}, true);
  return parts.empty() ? std::nullopt : std::optional(parts.begin()->second);
}

std::optional<measure::CodebookUse> codebook_use(const Model& model, const Data& data,
                                                 const measure::RowSource& rows) {
  const auto config = nlohmann::json::parse(model.architecture().config);
  if (!config.contains("codes")) return std::nullopt;
  const auto parts = parts_of_loss(model, data, rows, {"perplexity", "least_perplexity"});
  if (parts.empty()) return std::nullopt;
  measure::CodebookUse use{config.at("codes").get<int64_t>(), parts.at("perplexity"),
                           config.value("quantizers", int64_t{1})};
  if (const auto least = parts.find("least_perplexity"); least != parts.end())
    use.least_perplexity = least->second;
  return use;
}

}  // namespace latent
