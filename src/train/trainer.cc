// The loop and the model file; see trainer.h.
#include "train/trainer.h"

#include <chrono>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "data/loader.h"
#include "data/safetensors.h"
#include "latent/nn.h"
#include "latent/ops.h"
#include "latent/optim.h"

namespace latent {

namespace {

/// A plan for each batch size that fetches the loss parts; with an optimizer when training.
PlanFamily loss_plans(const ModelSpec& spec, Slots& slots, const TrainOptions& options,
                      bool training) {
  return PlanFamily(slots,
                    [&spec, options, training](Graph& g, int64_t n) {
                      const Scope s(g, training);
                      const Loss loss = spec.build_loss(s, g.feed("x", {n, spec.inputs()}));
                      if (training) minimize(g, loss.total, Adam{.rate = options.rate});
                      g.fetch("loss", loss.total);
                      for (const auto& [name, part] : loss.parts) g.fetch(name, part);
                    },
                    {.threads = options.threads, .bf16 = options.bf16});
}

std::vector<std::string> part_names(const ModelSpec& spec) {
  if (spec.model == "vae") return {"loss", "reconstruction", "kl"};
  return {"loss"};
}

/// Runs the plan over all batches of an epoch and averages its fetches over the rows.
Parts pass(PlanFamily& plans, const Dataset& data, const ModelSpec& spec, Loader& loader,
           int64_t epoch) {
  Parts parts;
  for (const std::string& name : part_names(spec)) parts.emplace_back(name, 0.0);
  int64_t rows = 0;
  for (int64_t i = 0; i < loader.batches(); ++i) {
    const std::span<const int32_t> batch = loader.batch(epoch, i);
    const auto n = static_cast<int64_t>(batch.size());
    Plan& plan = plans.at(n);
    data.gather("x", batch, plan.feed("x").data(), static_cast<float>(spec.scale),
                static_cast<float>(spec.shift));
    plan.run();
    for (auto& [name, sum] : parts) sum += plan.scalar(name) * static_cast<double>(n);
    rows += n;
    if (!std::isfinite(parts[0].second)) {
      throw Diverged("the loss became " + std::to_string(plan.scalar("loss")) + " in epoch " +
                     std::to_string(epoch + 1) + ", batch " + std::to_string(i + 1) +
                     "; try a lower --lr");
    }
  }
  for (auto& [name, sum] : parts) sum /= static_cast<double>(rows);
  return parts;
}

}  // namespace

EpochReport train(const Dataset& data, const ModelSpec& spec, Slots& slots,
                  const TrainOptions& options,
                  const std::function<void(const EpochReport&)>& progress) {
  const Split rows =
      options.validation > 0 ? split(data.size(), options.validation, options.seed) : Split{};
  Loader loader = options.validation > 0 ? Loader(rows.train, options.batch, options.seed)
                                         : Loader(data.size(), options.batch, options.seed);
  PlanFamily training = loss_plans(spec, slots, options, true),
             evaluation = loss_plans(spec, slots, options, false);
  EpochReport report;
  for (int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    const auto begin = std::chrono::steady_clock::now();
    report.epoch = epoch + 1;
    report.training = pass(training, data, spec, loader, epoch);
    if (!rows.validation.empty()) {
      Loader held(rows.validation, 128, 0);
      report.validation = pass(evaluation, data, spec, held, 0);
    }
    report.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    progress(report);
  }
  return report;
}

Tensor inputs_of(const Dataset& data, const ModelSpec& spec, std::span<const int32_t> rows) {
  Tensor x({static_cast<int64_t>(rows.size()), spec.inputs()});
  data.gather("x", rows, x.span<float>().data(), static_cast<float>(spec.scale),
              static_cast<float>(spec.shift));
  return x;
}

void save_model(const std::string& path, const ModelSpec& spec, const Slots& slots) {
  std::map<std::string, const Tensor*> tensors;
  for (const auto& [name, t] : slots.tensors()) tensors[name] = &t;
  save_safetensors(
      path, tensors,
      {{"latent", spec.json()}, {"counters", nlohmann::json(slots.counters()).dump()}});
}

ModelSpec load_model(const std::string& path, Slots& slots) {
  SafetensorsFile file = load_safetensors(path);
  const auto description = file.metadata.find("latent");
  if (description == file.metadata.end())
    throw DataError("a safetensors file, but not of a model that latent wrote", path);
  const ModelSpec spec = ModelSpec::from_json(description->second, path);
  for (auto& [name, t] : file.tensors) slots.set(name, std::move(t));
  try {
    if (const auto counters = file.metadata.find("counters"); counters != file.metadata.end()) {
      const auto counts =
          nlohmann::json::parse(counters->second).get<std::map<std::string, int64_t>>();
      for (const auto& [name, value] : counts) slots.counter(name) = value;
    }
  } catch (const nlohmann::json::exception&) {
    throw DataError("the model's counters cannot be read", path);
  }
  return spec;
}

}  // namespace latent
