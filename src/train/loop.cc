// The loop; see loop.h. Plans and feeds are in loop_plans.cc.
#include "train/loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/dataset.h"

namespace latent {

namespace {
constexpr int64_t kMostRollbacks = 3;
constexpr double kRollbackFactor = 0.25;  // of the rate
}  // namespace

int64_t Loop::updates() const {
  const auto step = slots_.counters().find("step");
  return step == slots_.counters().end() ? 0 : step->second;
}

TrainEvent Loop::event(TrainEvent::Kind kind, std::string message) const {
  return {.kind = kind, .epoch = state_.epoch, .step = updates(), .message = std::move(message)};
}

void Loop::emit(const TrainEvent& e) const {
  if (options_.progress) options_.progress(e);
}

bool Loop::stop_asked() {
  const auto now = Clock::now();
  const auto since = [now](Clock::time_point t) {
    return std::chrono::duration<double>(now - t).count();
  };
  if (options_.progress && since(told_) >= 0.1) {
    told_ = now;
    TrainEvent e = event(TrainEvent::Kind::step);
    for (const auto& [name, sum] : state_.sums)
      e.training.emplace_back(name, sum / static_cast<double>(std::max<int64_t>(state_.rows, 1)));
    e.seconds = since(began_);
    emit(e);
  }
  if (options_.stop && options_.stop()) return true;
  return options_.max_seconds > 0 && since(began_) >= options_.max_seconds;
}

bool Loop::settled() const { return !architecture_.warmup || architecture_.warmup(updates()) >= 1; }

bool Loop::stopped_early() const {
  return options_.patience > 0 && state_.waited >= options_.patience;
}

TrainEvent::Kind Loop::run() {
  using Kind = TrainEvent::Kind;
  began_ = saved_ = told_ = Clock::now();
  training_.at(loader_.batch_size());  // declares the slots
  while (state_.epoch < options_.epochs && !stopped_early()) {
    const auto epoch_began = Clock::now();
    if (state_.batch == 0) good_.take(slots_);
    bool fine = true;
    while (state_.batch < loader_.batches()) {
      if (!(fine = step())) break;
      ++state_.batch;
      if (stop_asked()) {
        save();
        return Kind::stopped;
      }
      if (folder_ &&
          std::chrono::duration<double>(Clock::now() - saved_).count() >= options_.save_seconds) {
        save();
      }
    }
    epoch_seconds_ = std::chrono::duration<double>(Clock::now() - epoch_began).count();
    if (fine && !finish_epoch()) {
      save();
      return Kind::stopped;
    }
  }
  save();
  return stopped_early() ? Kind::early : Kind::finished;
}

bool Loop::encoder_alone() const {
  return options_.encoder_steps > 0 && !state_.together &&
         (updates() + 1) % (options_.encoder_steps + 1) != 0;
}

bool Loop::step() {
  const std::span<const int32_t> rows = loader_.batch(state_.epoch, state_.batch);
  Plan& plan = (encoder_alone() ? encoder_ : training_).at(std::ssize(rows));
  fill_training(plan, rows);
  plan.run();
  if (state_.sums.empty()) {
    for (const std::string& name : parts_) state_.sums.emplace_back(name, 0.0);
  }
  bool finite = true;
  for (auto& [name, sum] : state_.sums) {
    const double value = plan.scalar(name);
    finite = finite && std::isfinite(value);
    sum += value * static_cast<double>(rows.size());
  }
  state_.rows += std::ssize(rows);
  if (finite) return true;
  const auto x = plan.feed("x");
  const size_t width = x.size() / rows.size();
  size_t largest = 0;
  for (size_t i = 0; i < x.size() && std::isfinite(x[largest]); ++i) {
    if (!(std::abs(x[i]) <= std::abs(x[largest]))) largest = i;
  }
  roll_back(
      fmt::format("the loss was {:g} in epoch {}, batch {}, update {}; the largest input of "
                  "that batch is {:g}, in row {} of the data",
                  plan.scalar("loss"), state_.epoch + 1, state_.batch + 1, updates(), x[largest],
                  rows[largest / width]));
  return false;
}

bool Loop::finish_epoch() {
  if (!all_finite(slots_)) {
    roll_back(fmt::format("a weight is not finite at the end of epoch {}", state_.epoch + 1));
    return true;
  }
  TrainEvent e;
  const auto began = Clock::now();
  if (!validation_rows_.empty()) {
    const std::optional<Parts> parts = validate();
    if (!parts) return false;
    e.validation = *parts;
    if (!std::isfinite(parts->front().second)) {
      roll_back(fmt::format("the validation loss was {:g} after epoch {}", parts->front().second,
                            state_.epoch + 1));
      return true;
    }
  }
  const double validation_seconds = std::chrono::duration<double>(Clock::now() - began).count();
  nlohmann::ordered_json line;
  ++state_.epoch;
  line["epoch"] = state_.epoch;
  line["step"] = updates();
  for (const auto& [name, sum] : state_.sums) {
    e.training.emplace_back(name, sum / static_cast<double>(state_.rows));
    line["train_" + name] = e.training.back().second;
  }
  for (const auto& [name, value] : e.validation) line["validation_" + name] = value;
  note_units(line);
  line["rate"] = rate_at(updates() - 1);
  if (architecture_.warmup) line["warmup"] = architecture_.warmup(updates() - 1);
  line["seconds"] = std::round((epoch_seconds_ + validation_seconds) * 1e4) / 1e4;
  metrics_.add(line);
  state_.metrics = metrics_.size();
  if (!e.validation.empty() && e.validation.back().first == kInformation)
    note_information(e.validation.back().second);
  // With opponents the total is not what is followed: the last epoch counts.
  if (!e.validation.empty() && settled() && !aims_) {
    const double value = e.validation.front().second;
    ++state_.waited;
    if (!state_.best || value < *state_.best) {
      state_.best = value;
      state_.best_epoch = state_.epoch;
      state_.waited = 0;
      for (const std::string& name : weights_) {
        const Tensor& t = eval_slots_.at(name);
        Tensor& kept = best_.try_emplace(name, t.shape(), t.dtype()).first->second;
        std::ranges::copy(t.as_bytes(), kept.as_bytes().begin());
      }
      best_unsaved_ = true;
    }
  }
  state_.batch = state_.rows = 0;
  state_.sums.clear();
  e.epoch = state_.epoch;
  e.step = updates();
  e.seconds = epoch_seconds_ + validation_seconds;
  emit(e);
  return true;
}

void Loop::note_information(double nats) {
  if (state_.together) return;
  if (!state_.information || nats > *state_.information) {
    state_.information = nats;
    return;
  }
  state_.together = true;
  const std::string message = fmt::format(
      "what held-out codes tell of their rows has stopped growing, at {:.3f} nats: after epoch {} "
      "every step moves all",
      *state_.information, state_.epoch);
  metrics_.add({{"event", "together"}, {"epoch", state_.epoch}, {"message", message}});
  state_.metrics = metrics_.size();
  emit(event(TrainEvent::Kind::warning, message));
}

void Loop::roll_back(const std::string& what) {
  good_.restore(slots_);
  state_.batch = state_.rows = 0;
  state_.sums.clear();
  if (state_.rollbacks == kMostRollbacks) {
    save();
    throw Diverged(
        fmt::format("{}; this is after {} roll-backs, at a rate of {:g}. The state before "
                    "that epoch is kept. Try a lower --lr, or --clip-norm",
                    what, kMostRollbacks, rate_at(updates())));
  }
  ++state_.rollbacks;
  state_.rate_factor *= kRollbackFactor;
  const std::string message = fmt::format("{}: back to the start of epoch {}, on at a rate of {:g}",
                                          what, state_.epoch + 1, rate_at(updates()));
  metrics_.add({{"event", "rollback"}, {"epoch", state_.epoch + 1}, {"message", message}});
  state_.metrics = metrics_.size();
  emit(event(TrainEvent::Kind::rollback, message));
}

void Loop::save() {
  if (!folder_) return;
  if (state_.batch > 0 && !all_finite(slots_)) {
    roll_back(fmt::format("a weight is not finite in epoch {}", state_.epoch + 1));
  }
  if (best_unsaved_) {
    std::map<std::string, const Tensor*> weights;
    for (const auto& [name, t] : best_) weights[name] = &t;
    folder_->write_best(weights);
    best_unsaved_ = false;
  }
  std::map<std::string, const Tensor*> tensors;
  for (const auto& [name, t] : slots_.tensors()) tensors[name] = &t;
  if (state_.batch > 0) {
    for (const auto& [name, t] : good_.tensors) tensors["rollback/" + name] = &t;
  }
  folder_->write_checkpoint(tensors, state_, slots_.counters(),
                            state_.batch > 0 ? good_.counters : std::map<std::string, int64_t>{},
                            metrics_);
  saved_ = Clock::now();
  emit(event(TrainEvent::Kind::saved));
}

void Loop::restore(Checkpoint c, const std::string& path) {
  training_.at(loader_.batch_size());  // declares the slots
  Snapshot now;
  now.counters = c.counters;
  good_ = {};
  for (auto& [name, t] : c.file.tensors) {
    const bool kept = name.starts_with("rollback/");
    const std::string slot = kept ? name.substr(9) : name;
    if (!slots_.has(slot) || !(slots_.at(slot).shape() == t.shape()) ||
        slots_.at(slot).dtype() != t.dtype()) {
      throw DataError("the tensor \"" + name + "\" is not one of this run", path);
    }
    (kept ? good_ : now).tensors.emplace(slot, std::move(t));
  }
  for (const auto& [name, t] : slots_.tensors()) {
    if (!now.tensors.count(name) || (c.state.batch > 0 && !good_.tensors.count(name)))
      throw DataError("the tensor \"" + name + "\" of the run is missing", path);
  }
  if (c.state.batch > loader_.batches())
    throw DataError("the state stands behind the end of an epoch", path);
  now.restore(slots_);
  good_.counters = c.rollback_counters;
  state_ = std::move(c.state);
  if (!state_.sums.empty() &&
      !std::ranges::equal(state_.sums, parts_, {}, [](const auto& p) { return p.first; })) {
    throw DataError("the state's loss has other parts than the model's", path);
  }
  metrics_ = std::move(c.metrics);
  emit(event(TrainEvent::Kind::resumed));
}

std::optional<std::map<std::string, Tensor>> Loop::result() {
  if (!best_.empty()) return std::move(best_);
  if (state_.best) return std::nullopt;
  sync_evaluation();
  std::map<std::string, Tensor> weights;
  for (const std::string& name : weights_) weights.emplace(name, eval_slots_.at(name).clone());
  return weights;
}

}  // namespace latent
