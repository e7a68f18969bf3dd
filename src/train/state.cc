// Snapshots, and the state to and from JSON; see state.h.
#include "train/state.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

namespace latent {

void Snapshot::take(const Slots& slots) {
  for (const auto& [name, t] : slots.tensors()) {
    const auto found = tensors.find(name);
    if (found == tensors.end())
      tensors.emplace(name, t.clone());
    else
      std::memcpy(found->second.raw(), t.raw(), t.bytes());
  }
  counters = slots.counters();
}

void Snapshot::restore(Slots& slots) const {
  for (const auto& [name, t] : tensors) {
    Tensor& slot = slots.at(name);
    std::memcpy(slot.raw(), t.raw(), t.bytes());
  }
  for (const auto& [name, value] : slots.counters()) slots.counter(name) = 0;
  for (const auto& [name, value] : counters) slots.counter(name) = value;
}

bool all_finite(const Slots& slots) {
  return std::ranges::all_of(slots.tensors(), [](const auto& item) {
    if (item.second.dtype() != DType::f32) return true;
    constexpr uint32_t kExponent = 0x7f800000;  // all ones: infinite or NaN
    uint32_t bad = 0;
    for (const float v : item.second.template span<float>())
      bad |= (std::bit_cast<uint32_t>(v) & kExponent) == kExponent;
    return bad == 0;
  });
}

nlohmann::json TrainState::json() const {
  nlohmann::json j = {{"epoch", epoch},
                      {"batch", batch},
                      {"rows", rows},
                      {"sums", sums},
                      {"best_epoch", best_epoch},
                      {"waited", waited},
                      {"rollbacks", rollbacks},
                      {"rate_factor", rate_factor},
                      {"metrics", metrics},
                      {"together", together}};
  if (best) j["best"] = *best;
  if (information) j["information"] = *information;
  return j;
}

TrainState TrainState::from_json(const nlohmann::json& j, const std::string& path) {
  TrainState s;
  s.epoch = j.at("epoch").get<int64_t>();
  s.batch = j.at("batch").get<int64_t>();
  s.rows = j.at("rows").get<int64_t>();
  s.sums = j.at("sums").get<Parts>();
  s.best_epoch = j.at("best_epoch").get<int64_t>();
  s.waited = j.at("waited").get<int64_t>();
  s.rollbacks = j.at("rollbacks").get<int64_t>();
  s.rate_factor = j.at("rate_factor").get<double>();
  s.metrics = j.at("metrics").get<int64_t>();
  s.together = j.at("together").get<bool>();
  if (j.contains("best")) s.best = j.at("best").get<double>();
  if (j.contains("information")) s.information = j.at("information").get<double>();
  if (std::min({s.epoch, s.batch, s.rows, s.best_epoch, s.waited, s.rollbacks, s.metrics}) < 0 ||
      !(s.rate_factor > 0 && s.rate_factor <= 1)) {
    throw DataError("the state of the run is out of range", path);
  }
  return s;
}

}  // namespace latent
