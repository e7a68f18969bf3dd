// Metrics to charts; see curves.h.
#include "report/curves.h"

#include <cmath>

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
  return charts;
}

}  // namespace latent::report
