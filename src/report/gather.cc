// Asking the model; see gather.h.
#include "report/gather.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/dataset.h"
#include "measure/statistics.h"
#include "measure/view.h"
#include "measure/walk.h"
#include "report/map.h"
#include "report/model_pictures.h"
#include "report/rows.h"
#include "report/sounds.h"

namespace latent::report {

namespace {

constexpr int64_t kMostUnits = 24;        // shown
constexpr int64_t kSteps = 11;            // of a traversal, and of an interpolation with its ends
constexpr double kReach = 2.5;            // of a traversal, in deviations of the code
constexpr int64_t kMostPixels = 3 << 20;  // of a picture
constexpr int64_t kColumns = 10;          // of a grid of samples
constexpr size_t kMostColumns = 40, kMostEffects = 10;

/// `wanted`, or fewer lines of `columns` pictures where they are large.
int64_t lines_that_fit(const Model& model, int64_t wanted, int64_t columns) {
  return std::clamp<int64_t>(kMostPixels / std::max<int64_t>(1, model.inputs() * columns), 1,
                             wanted);
}

/// What a traversal of a conditional model shows: its first class.
std::vector<int32_t> first_class(const Model& model) { return classes_in_turn(model, 1, 1); }

std::vector<float> encode(const Model& model, const Data& data, std::span<const int32_t> rows) {
  constexpr size_t kPiece = 1024;  // rows in memory at a time
  std::vector<float> codes;
  for (size_t at = 0; at < rows.size(); at += kPiece) {
    const auto piece = rows.subspan(at, std::min(kPiece, rows.size() - at));
    const std::vector<float> some =
        model.encode(values_of(data, piece), labels_of(model, data, piece));
    codes.insert(codes.end(), some.begin(), some.end());
  }
  return codes;
}

/// Where traversals start and how far they go, by unit.
struct Spread {
  std::vector<double> centre, deviation;
};
Spread spread_of(const std::vector<float>& codes, int64_t latent, bool has_prior) {
  const auto width = static_cast<size_t>(latent);
  if (has_prior || codes.empty())
    return {std::vector<double>(width, 0), std::vector<double>(width, 1)};
  Spread s;
  for (const auto& u : measure::unit_statistics({.latent = latent, .mean = codes})) {
    s.centre.push_back(u.mean);
    s.deviation.push_back(std::sqrt(u.mean_variance));
  }
  return s;
}

double use_of(const measure::UnitStatistics& u, bool has_posterior) {
  return std::max(0.0, has_posterior ? u.kl : u.mean_variance);
}

/// Those in use, or all where none is: what others do is nothing.
std::vector<size_t> moving(const GatherOptions& o, std::span<const size_t> order) {
  std::vector<size_t> units;
  std::ranges::copy_if(order, std::back_inserter(units), [&](size_t u) {
    return o.units[u].mean_variance > measure::kActiveVariance;
  });
  return units.empty() ? std::vector<size_t>(order.begin(), order.end()) : units;
}

/// The most used first.
std::vector<size_t> order_of(const GatherOptions& o) {
  std::vector<size_t> order(o.units.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](size_t u) { return use_of(o.units[u], o.has_posterior); });
  order.resize(std::min(order.size(), static_cast<size_t>(kMostUnits)));
  return order;
}

void add_units(RunReport& r, const GatherOptions& o, std::span<const size_t> order) {
  r.units_title = o.has_posterior ? "Use of each unit: KL divergence, nats a row"
                                  : "Use of each unit: variance over rows";
  for (const size_t u : order) {
    const bool active = o.units[u].mean_variance > measure::kActiveVariance;
    r.units.push_back({fmt::format("z{}{}", u + 1, active ? "" : ", not in use"),
                       use_of(o.units[u], o.has_posterior), !active});
  }
}

/// Codes [units, steps, latent] along each of these units, all others at the centre.
std::vector<float> traversal_codes(const Spread& s, std::span<const size_t> units, int64_t steps) {
  const std::vector<float> centre(s.centre.begin(), s.centre.end());
  std::vector<float> codes;
  for (const size_t unit : units) {
    std::vector<double> values;
    for (int64_t k = 0; k < steps; ++k) {
      const double at = 2.0 * static_cast<double>(k) / static_cast<double>(steps - 1) - 1;
      values.push_back(s.centre[unit] + kReach * at * s.deviation[unit]);
    }
    const auto some = measure::along_unit(centre, static_cast<int64_t>(unit), values);
    codes.insert(codes.end(), some.begin(), some.end());
  }
  return codes;
}

std::string traversal_text(const GatherOptions& o, std::span<const size_t> units) {
  std::string names;
  for (const size_t u : units) names += fmt::format("{}z{}", names.empty() ? "" : ", ", u + 1);
  return fmt::format(
      "Units in use, top to bottom: {}; each from {:g} to {:g} {}; all other units at {}.", names,
      -kReach, kReach,
      o.has_prior ? "(deviations of the prior)" : "deviations around the mean of its codes",
      o.has_prior ? "0" : "their means");
}

void add_interpolation(RunReport& r, const Model& model, std::span<const float> x,
                       std::span<const int32_t> labels) {
  const auto width = static_cast<size_t>(model.inputs()),
             latent = static_cast<size_t>(model.latent());
  const int64_t lines =
      std::min<int64_t>(lines_that_fit(model, 5, kSteps), std::ssize(x) / (2 * model.inputs()));
  if (lines == 0) return;
  const size_t ends_shown = 2 * static_cast<size_t>(lines);
  const std::vector<float> z =
      model.encode(x.first(ends_shown * width), labels.first(labels.empty() ? 0 : ends_shown));
  constexpr auto kBetween = static_cast<size_t>(kSteps - 2);
  std::vector<float> codes, rows;
  std::vector<int32_t> shown;  // the label of a line's first end
  for (size_t line = 0; line < static_cast<size_t>(lines); ++line) {
    const auto ends = std::span(z).subspan(2 * line * latent, 2 * latent);
    const auto between = measure::line(ends.first(latent), ends.last(latent), kBetween);
    codes.insert(codes.end(), between.begin(), between.end());
    if (!labels.empty()) shown.insert(shown.end(), kBetween, labels[2 * line]);
  }
  const std::vector<float> decoded = model.decode(codes, shown);
  for (size_t line = 0; line < static_cast<size_t>(lines); ++line) {
    const auto first = x.subspan(2 * line * width, width),
               last = x.subspan((2 * line + 1) * width, width);
    const auto between = std::span(decoded).subspan(line * kBetween * width, kBetween * width);
    rows.insert(rows.end(), first.begin(), first.end());
    rows.insert(rows.end(), between.begin(), between.end());
    rows.insert(rows.end(), last.begin(), last.end());
  }
  r.interpolation = grid_picture(model, rows, kSteps);
}

void add_pictures(RunReport& r, const Model& model, const Data& data, const GatherOptions& o,
                  const Spread& spread, std::vector<size_t> order) {
  const int64_t lines = lines_that_fit(model, 2, 20);
  const size_t n = std::min(o.shown.size(), static_cast<size_t>(10 * lines));
  const auto shown = std::span(o.shown).first(n);
  const std::vector<float> x = values_of(data, shown);
  const std::vector<int32_t> labels = labels_of(model, data, shown);
  r.reconstructions = pairs_picture(model, x, model.reconstruct(x, labels), 10);
  if (o.samples) {
    const int64_t samples = kColumns * lines_that_fit(model, 8, kColumns);
    const auto shown_classes = classes_in_turn(model, samples, kColumns);
    r.samples = grid_picture(model, model.sample(samples, o.seed, shown_classes), kColumns);
  }
  order.resize(
      std::min(order.size(), static_cast<size_t>(lines_that_fit(model, kMostUnits, kSteps))));
  if (!order.empty()) {
    r.traversal = grid_picture(
        model, model.decode(traversal_codes(spread, order, kSteps), first_class(model)), kSteps);
    r.traversal_text = traversal_text(o, order);
  }
  add_interpolation(r, model, x, labels);
}

std::string name_of_column(const Data& data, size_t j) {
  const auto& names = data.dataset().columns();
  return j < names.size() ? names[j] : fmt::format("x{}", j + 1);
}

/// Errors of every column, in the order of the data, over rows [n, width].
std::vector<ColumnError> column_errors(const Data& data, std::span<const float> x,
                                       std::span<const float> made) {
  const auto width = static_cast<size_t>(data.row_elements());
  const size_t rows = x.size() / width;
  const auto n = static_cast<double>(rows);
  std::vector<ColumnError> columns(width);
  std::vector<double> mean(width);
  for (size_t i = 0; i < x.size(); ++i) mean[i % width] += static_cast<double>(x[i]) / n;
  for (size_t i = 0; i < x.size(); ++i) {
    ColumnError& c = columns[i % width];
    c.deviation += std::pow(static_cast<double>(x[i]) - mean[i % width], 2) / n;
    c.rmse += std::pow(static_cast<double>(made[i]) - static_cast<double>(x[i]), 2) / n;
  }
  for (size_t j = 0; j < width; ++j)
    columns[j] = {name_of_column(data, j), std::sqrt(columns[j].deviation),
                  std::sqrt(columns[j].rmse)};
  return columns;
}

UnitEffects effects_of(const Model& model, const std::vector<ColumnError>& columns,
                       const Spread& spread, std::span<const size_t> units) {
  const std::vector<float> ends =
      model.decode(traversal_codes(spread, units, 2), first_class(model));
  const size_t width = columns.size();
  const auto effect = [&](size_t u, size_t j) {
    const double change = static_cast<double>(ends[(2 * u + 1) * width + j]) -
                          static_cast<double>(ends[2 * u * width + j]);
    return columns[j].deviation > 0 ? change / columns[j].deviation : 0;
  };
  std::vector<size_t> shown(width);
  std::iota(shown.begin(), shown.end(), size_t{0});
  const auto strength = [&](size_t j) {
    double most = 0;
    for (size_t u = 0; u < units.size(); ++u) most = std::max(most, std::abs(effect(u, j)));
    return most;
  };
  if (width > kMostEffects) {
    std::ranges::stable_sort(shown, std::ranges::greater(), strength);
    shown.resize(kMostEffects);
  }
  UnitEffects e;
  for (const size_t j : shown) e.columns.push_back(columns[j].name);
  for (size_t u = 0; u < units.size(); ++u) {
    e.units.push_back(fmt::format("z{}", units[u] + 1));
    e.effects.emplace_back();
    for (const size_t j : shown) e.effects.back().push_back(effect(u, j));
  }
  return e;
}

void add_columns(RunReport& r, const Model& model, const Data& data, const GatherOptions& o,
                 const Spread& spread, std::span<const size_t> order) {
  const size_t n =
      std::min(o.shown.size(), static_cast<size_t>(lines_that_fit(model, o.encoded, 1)));
  const auto shown = std::span(o.shown).first(n);
  const std::vector<float> x = values_of(data, shown);
  r.columns = column_errors(data, x, model.reconstruct(x, labels_of(model, data, shown)));
  if (!order.empty()) {
    r.effects = effects_of(model, r.columns, spread, order);
    r.traversal_text = fmt::format(
        "The change of a column, in its deviations, while a unit goes from {:g} to {:g} {}.{}",
        -kReach, kReach, o.has_prior ? "deviations of the prior" : "deviations of its codes",
        r.columns.size() > kMostEffects ? " The columns that change most are shown." : "");
  }
  if (r.columns.size() <= kMostColumns) return;
  std::ranges::stable_sort(r.columns, std::ranges::greater(), [](const ColumnError& c) {
    return c.deviation > 0 ? c.rmse / c.deviation : 0;
  });
  r.columns.resize(kMostColumns);
}

}  // namespace

void add_model(RunReport& r, const Model& model, const Data& data, const GatherOptions& o) {
  if (!model.architecture().encode) {  // a generator shows samples and nothing else
    if (o.samples && draws_pictures(model))
      r.samples = grid_picture(
          model, model.sample(kColumns * lines_that_fit(model, 8, kColumns), o.seed), kColumns);
    return;
  }
  std::vector<int32_t> all(static_cast<size_t>(data.size()));
  std::iota(all.begin(), all.end(), 0);
  const std::vector<int32_t> rows = measure::evenly(std::move(all), o.encoded);
  const std::vector<float> codes = encode(model, data, rows);
  const Spread s = spread_of(codes, model.latent(), o.has_prior);
  const std::vector<size_t> order = order_of(o);
  add_units(r, o, order);
  if (draws_pictures(model))
    add_pictures(r, model, data, o, s, moving(o, order));
  else
    add_columns(r, model, data, o, s, moving(o, order));
  add_sounds(r, model, data, o);
  r.map = map_of(codes, model.latent(), data.dataset(), rows, r.map_text);
}

}  // namespace latent::report
