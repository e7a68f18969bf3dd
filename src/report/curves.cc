// Metrics to charts; see curves.h.
#include "report/curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace latent::report {

namespace {

constexpr std::string_view kTrain = "train_", kValidation = "validation_";

Series series_of(const Metrics& metrics, const std::string& key, std::string name, int colour) {
  Series s{.name = std::move(name), .colour = colour, .dashed = colour > 0};
  for (const auto& line : metrics.lines()) {
    const auto value = line.find(key), epoch = line.find("epoch");
    if (value == line.end() || epoch == line.end() || !epoch->is_number()) continue;
    s.x.push_back(epoch->get<double>());
    s.y.push_back(value->is_number() ? value->get<double>() : NAN);
  }
  return s;
}

/// The last value of each unit under `key`, empty where none was told.
std::vector<double> last_units(const Metrics& metrics, const std::string& key) {
  for (auto line = metrics.lines().rbegin(); line != metrics.lines().rend(); ++line) {
    const auto values = line->find(key);
    if (values == line->end() || !values->is_array()) continue;
    std::vector<double> last;
    for (const auto& v : *values) last.push_back(v.is_number() ? v.get<double>() : 0);
    return last;
  }
  return {};
}

/// Unit by unit, those highest at the end, in their order in the code.
LineChart unit_chart(const Metrics& metrics, const std::string& key, const std::string& what) {
  constexpr size_t kMostLines = 10;
  const std::vector<double> last = last_units(metrics, key);
  std::vector<size_t> shown(last.size());
  std::iota(shown.begin(), shown.end(), size_t{0});
  std::ranges::stable_sort(shown, std::ranges::greater(), [&](size_t u) { return last[u]; });
  shown.resize(std::min(shown.size(), kMostLines));
  std::ranges::sort(shown);
  LineChart chart{.title = what + " of each unit by epoch, held-out rows", .x_name = "epoch"};
  chart.from_zero = true;
  if (shown.size() < last.size())
    chart.title += fmt::format("; the {} of {} units highest at the end", kMostLines, last.size());
  for (size_t i = 0; i < shown.size(); ++i) {
    Series s{.name = fmt::format("z{}", shown[i] + 1),
             .colour = static_cast<int>(i),
             .dashed = i >= static_cast<size_t>(kColours)};
    for (const auto& line : metrics.lines()) {
      const auto values = line.find(key), epoch = line.find("epoch");
      if (values == line.end() || epoch == line.end() || !epoch->is_number() ||
          !values->is_array() || values->size() != last.size())
        continue;
      const auto& v = (*values)[shown[i]];
      s.x.push_back(epoch->get<double>());
      s.y.push_back(v.is_number() ? v.get<double>() : NAN);
    }
    chart.lines.push_back(std::move(s));
  }
  return chart;
}

}  // namespace

std::vector<LineChart> curves_of(const Metrics& metrics) {
  std::vector<std::string> parts;
  for (const auto& line : metrics.lines()) {
    if (!parts.empty()) break;
    for (const auto& [key, value] : line.items()) {
      if (key.starts_with(kTrain)) parts.push_back(key.substr(kTrain.size()));
    }
  }
  std::vector<LineChart> charts;
  for (const std::string& part : parts) {
    LineChart chart{.title = part + " by epoch", .x_name = "epoch"};
    chart.lines.push_back(series_of(metrics, std::string(kTrain) + part, "training", 0));
    Series held = series_of(metrics, std::string(kValidation) + part, "held out", 1);
    if (!held.x.empty()) chart.lines.push_back(std::move(held));
    const bool same = !charts.empty() && charts.front().lines.front().y == chart.lines.front().y;
    if (!same) charts.push_back(std::move(chart));
  }
  Series active = series_of(metrics, "active_units", "in use", 0);
  if (!active.x.empty())
    charts.push_back({.title = "units in use by epoch, held-out rows",
                      .x_name = "epoch",
                      .lines = {std::move(active)},
                      .from_zero = true});
  for (const auto& [key, what] :
       {std::pair{"unit_kl", "KL divergence, nats,"}, std::pair{"unit_variance", "variance"}}) {
    LineChart chart = unit_chart(metrics, key, what);
    if (!chart.lines.empty()) charts.push_back(std::move(chart));
  }
  return charts;
}

}  // namespace latent::report
