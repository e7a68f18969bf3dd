// What the loop plans: the training step, the evaluation, their feeds, and the forecast; see
// loop.h.
#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/memory.h"
#include "base/near.h"
#include "data/dataset.h"
#include "latent/ops.h"
#include "train/batch.h"
#include "train/loop.h"
#include "train/model_file.h"

namespace latent {

namespace {

constexpr const char* kCodeMean = "code/mean";  // fetches of an evaluation
constexpr const char* kCodeLogvar = "code/logvar";
constexpr const char* kCodeDraw = "code/draw";
constexpr size_t kInformationRows = 1000;  // and the rest of a batch; costs grow with the square

Split rows_of(const Dataset& data, const TrainOptions& o) {
  return split(data.size(), o.validation_data ? 0 : o.validation, o.seed);
}

std::vector<int32_t> validated_rows(const Dataset& data, const TrainOptions& o) {
  if (!o.validation_data) return rows_of(data, o).validation;
  return split(o.validation_data->size(), 0.0, uint64_t{0}).train;
}

}  // namespace

Loop::Loop(const Architecture& architecture, const Preprocessing& preprocessing,
           const Dataset& data, const TrainOptions& options, const RunFolder* folder)
    : architecture_(architecture),
      preprocessing_(preprocessing),
      data_(data),
      options_(options),
      folder_(folder),
      validation_data_(options.validation_data ? options.validation_data->dataset() : data),
      validation_rows_(validated_rows(data, options)),
      loader_(rows_of(data, options).train, options.batch, options.seed),
      augment_(options.augment, data.row_shape("x"), options.seed),
      slots_(options.seed),
      eval_slots_(options.seed),
      training_(slots_, [this](Graph& g, int64_t n) { trace_training(g, n, false); },
                {.threads = options.threads,
                 .bf16 = options.dtype == "bf16",
                 .memory_limit = options.memory_limit}),
      encoder_(slots_, [this](Graph& g, int64_t n) { trace_training(g, n, true); },
               {.threads = options.threads,
                .bf16 = options.dtype == "bf16",
                .memory_limit = options.memory_limit}),
      evaluation_(eval_slots_, [this](Graph& g, int64_t n) { trace_evaluation(g, n); },
                  {.threads = options.threads,
                   .bf16 = options.dtype == "bf16",
                   .memory_limit = options.memory_limit}) {}

double Loop::rate_at(int64_t update) const {
  const double rate = options_.rate * state_.rate_factor;
  if (options_.schedule == "constant") return rate;
  // Half a cosine (Loshchilov and Hutter 2017, arXiv 1608.03983, without restarts).
  const auto total = static_cast<double>(options_.epochs * loader_.batches());
  return rate * 0.5 * (1 + std::cos(M_PI * std::min(1.0, static_cast<double>(update) / total)));
}

RowKind Loop::row_kind() const {
  const Scaling& s = preprocessing_.scaling;
  if (!s.is_uniform()) return {data_.row_shape("x"), 0, 1};  // a mean or least value, and one above
  const ValueRange range = data_.range("x");
  return {data_.row_shape("x"), range.low * s.scale[0] + s.shift[0],
          range.high * s.scale[0] + s.shift[0]};
}

void Loop::trace_training(Graph& g, int64_t n, bool encoder_alone) {
  const Scope s(g, true);
  Batch batch = declare_batch(g, n, architecture_.inputs, data_);
  if (!options_.corrupt.empty())
    batch.seen = corrupted(s / "corrupt", batch.x, options_.corrupt, row_kind());
  const Loss loss = architecture_.loss(s, batch);
  const std::vector<Expr> weights = g.slots("");
  weights_.clear();
  for (const Expr& w : weights) {
    weights_.push_back(g.name_of(w));
    if (is_training_state(weights_.back())) {
      throw UsageError(
          "the scopes optim, average and rollback belong to training; the model has a "
          "slot \"" +
          weights_.back() + "\"");
    }
  }
  for (const std::string& scope : options_.freeze) {
    if (!g.slots(scope).empty()) continue;
    throw UsageError("nothing is called \"" + scope + "\", so it cannot be frozen" +
                     did_you_mean(scope, weights_));
  }
  if (options_.encoder_steps > 0 && (!loss.aims.empty() || !loss.code ||
                                     !loss.code->logvar.valid() || g.slots("encoder").empty())) {
    throw UsageError(
        "steps of the encoder alone are for models of one loss with a posterior and a scope "
        "\"encoder\", as VAEs are; the model \"" +
        architecture_.name + "\" is none");
  }
  aims_ = !loss.aims.empty();
  // Moments and their count are those of all steps, so that both kinds of steps are one descent.
  std::vector<Objective> objectives;
  const std::vector<Aim> one = {{loss.total, encoder_alone ? "encoder" : ""}};
  for (const Aim& aim : loss.aims.empty() ? one : loss.aims) {
    const auto rate = [this, times = aim.rate](int64_t k) { return times * rate_at(k); };
    objectives.push_back(
        {.loss = aim.loss,
         .prefix = aim.prefix,
         .optimizer = Adam{.rate = Rate(rate), .beta1 = aim.beta1},
         .clip_norm = options_.clip_norm,
         .name = aim.prefix.empty() || encoder_alone ? "optim" : "optim/" + aim.prefix,
         .frozen = options_.freeze});
  }
  minimize(g, objectives);
  if (options_.average > 0) {
    const Expr keep = g.schedule("average/decay", "step", [most = options_.average](int64_t t) {
      return std::min(most, static_cast<double>(t) / static_cast<double>(t + 10));
    });
    for (const Expr& w : weights) {
      const Expr old = (s / "average").state(g.name_of(w), w.shape(), zeros());
      const Expr now = g.updated(w);
      g.assign(old, now + keep * (old - now));
    }
  }
  parts_ = {"loss"};
  g.fetch("loss", loss.total);
  for (const auto& [name, part] : loss.parts) {
    g.fetch(name, part);
    parts_.push_back(name);
  }
}

void Loop::trace_evaluation(Graph& g, int64_t n) {
  const Loss loss = architecture_.loss(Scope(g, false),
                                       declare_batch(g, n, architecture_.inputs, validation_data_));
  g.fetch("loss", loss.total);
  for (const auto& [name, part] : loss.parts) g.fetch(name, part);
  if (!loss.code || loss.code->mean.shape().rank() != 2) return;
  code_units_ = loss.code->mean.dim(1);
  posterior_ = loss.code->logvar.valid();
  g.fetch(kCodeMean, loss.code->mean);
  if (posterior_) g.fetch(kCodeLogvar, loss.code->logvar);
  if (options_.encoder_steps > 0) {
    const Gaussian posterior{loss.code->mean, loss.code->logvar};
    g.fetch(kCodeDraw, posterior.sample(Scope(g, false) / "information"));
  }
}

void Loop::fill(Plan& plan, const Dataset& data, std::span<const int32_t> rows) {
  data.gather("x", rows, plan.feed("x").data(), preprocessing_.scaling);
  feed_labels(plan, data, rows);
}

void Loop::fill_training(Plan& plan, std::span<const int32_t> rows) {
  fill(plan, data_, rows);
  augment_.apply(plan.feed("x"), state_.epoch, rows);
}

void Loop::sync_evaluation() {
  for (const std::string& name : weights_) {
    const std::string average = "average/" + name;
    const Tensor& from = slots_.at(slots_.has(average) ? average : name);
    if (!eval_slots_.has(name)) {
      eval_slots_.set(name, from.clone());
    } else {
      std::ranges::copy(from.as_bytes(), eval_slots_.at(name).as_bytes().begin());
    }
  }
}

int64_t Loop::validation_batch() const {
  return std::min<int64_t>(options_.batch, std::ssize(validation_rows_));
}

std::optional<Parts> Loop::validate() {
  // The same noise for a row in every epoch, so that epochs compare: its own row id, step 0.
  sync_evaluation();
  Parts parts;
  std::optional<measure::UnitSums> units;
  measure::Codes codes;  // of the first rows, and a draw of each
  std::vector<float> draws;
  const int64_t most = validation_batch();
  for (size_t at = 0; at < validation_rows_.size();) {
    const auto rows = std::span(validation_rows_)
                          .subspan(at)
                          .first(std::min(static_cast<size_t>(most), validation_rows_.size() - at));
    Plan& plan = evaluation_.at(std::ssize(rows));
    fill(plan, validation_data_, rows);
    const std::string ids = row_feed(std::ssize(rows));
    if (plan.has_feed(ids)) plan.feed<int32_t>(ids, rows);
    plan.run();
    if (parts.empty()) {
      for (const std::string& name : parts_) parts.emplace_back(name, 0.0);
    }
    for (auto& [name, sum] : parts) sum += plan.scalar(name) * static_cast<double>(rows.size());
    if (code_units_ > 0) {
      if (!units) units.emplace(code_units_);
      units->add(plan.fetch(kCodeMean),
                 posterior_ ? plan.fetch(kCodeLogvar) : std::span<const float>());
    }
    if (options_.encoder_steps > 0 && at < kInformationRows) {
      codes.latent = code_units_;
      std::ranges::copy(plan.fetch(kCodeMean), std::back_inserter(codes.mean));
      std::ranges::copy(plan.fetch(kCodeLogvar), std::back_inserter(codes.logvar));
      std::ranges::copy(plan.fetch(kCodeDraw), std::back_inserter(draws));
    }
    at += rows.size();
    if (at < validation_rows_.size() && stop_asked()) return std::nullopt;
  }
  for (auto& [name, sum] : parts) sum /= static_cast<double>(validation_rows_.size());
  if (units) units_ = units->statistics();
  if (!draws.empty()) parts.emplace_back(kInformation, measure::mutual_information(codes, draws));
  return parts;
}

void Loop::note_units(nlohmann::ordered_json& line) const {
  constexpr size_t kMostUnits = 256;  // told one by one, in every epoch
  if (units_.empty()) return;
  line["active_units"] = measure::active_units(units_);
  if (units_.size() > kMostUnits) return;
  auto& values = line[posterior_ ? "unit_kl" : "unit_variance"] = nlohmann::ordered_json::array();
  for (const measure::UnitStatistics& u : units_)
    values.push_back(std::round((posterior_ ? u.kl : u.mean_variance) * 1e4) / 1e4);
}

void Loop::initialize(std::map<std::string, Tensor> weights, const std::string& path) {
  training_.at(loader_.batch_size());  // declares the slots
  size_t taken = 0;
  for (const std::string& name : weights_) {
    const auto found = weights.find(name);
    if (found == weights.end()) continue;
    if (!(found->second.shape() == slots_.at(name).shape())) {
      throw DataError("\"" + name + "\" is " + found->second.shape().text() + ", the model needs " +
                          slots_.at(name).shape().text(),
                      path);
    }
    slots_.set(name, std::move(found->second));
    ++taken;
  }
  if (taken == 0)
    throw UsageError(path + " has no weight of a name that the model has; it cannot start from it");
  if (taken < weights_.size()) {
    emit(event(TrainEvent::Kind::warning,
               std::to_string(weights_.size() - taken) + " of " + std::to_string(weights_.size()) +
                   " parameters are not in " + path + " and start at random"));
  }
}

Forecast Loop::forecast() {
  constexpr int kMostSteps = 8;
  constexpr double kSeconds = 0.05;
  const auto seconds_since = [](Clock::time_point t) {
    return std::chrono::duration<double>(Clock::now() - t).count();
  };
  Forecast f;
  f.steps_per_epoch = loader_.batches();
  const std::span<const int32_t> rows = loader_.batch(state_.epoch, 0);
  Plan& plan = training_plan();
  for (const std::string& name : weights_) f.parameters += slots_.at(name).elements();
  Snapshot before;
  before.take(slots_);
  std::vector<double> times;
  const auto began = Clock::now();
  // The first runs touch memory for the first time and are not counted.
  while (std::ssize(times) < kMostSteps && (times.size() < 2 || seconds_since(began) < kSeconds)) {
    const auto at = Clock::now();
    fill_training(plan, rows);
    plan.run();
    times.push_back(seconds_since(at));
  }
  if (encoder_alone()) {  // whose plan has memory of its own
    Plan& alone = encoder_.at(std::ssize(rows));
    fill_training(alone, rows);
    alone.run();
  }
  before.restore(slots_);
  // What is resident now, with the training plan in use; to come are the copy to roll back to,
  // which `before` has shown the size of, and what validation needs: its plan, its weights, the
  // best ones.
  f.peak_bytes = resident_bytes();
  if (!validation_rows_.empty()) {
    sync_evaluation();
    f.peak_bytes += evaluation_.at(validation_batch()).stats().peak_bytes() +
                    static_cast<size_t>(f.parameters) * sizeof(float);
  }
  f.peak_bytes = std::max(f.peak_bytes, most_resident_bytes());
  const double step = *std::min_element(times.begin() + 1, times.end());
  // A validation row costs about a third of a training row: the forward pass of three products.
  f.seconds_per_epoch =
      step * static_cast<double>(loader_.batches()) +
      step / 3 * static_cast<double>(validation_rows_.size()) / static_cast<double>(rows.size());
  return f;
}

}  // namespace latent
