// Axes and groups of the map; see map.h.
#include "report/map.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "measure/pca.h"

namespace latent::report {

namespace {

constexpr size_t kMostGroups = 12;

/// Points [rows, 2], and the names of the axes.
struct Plane {
  std::vector<float> points;
  std::string x, y, text;
};

Plane plane_of(std::span<const float> codes, int64_t latent, int64_t rows) {
  const auto width = static_cast<size_t>(latent), n = static_cast<size_t>(rows);
  Plane p{.points = std::vector<float>(2 * n), .x = "unit 1", .y = "unit 2"};
  if (latent <= 2) {
    for (size_t i = 0; i < n; ++i) {
      p.points[2 * i] = codes[i * width];
      p.points[2 * i + 1] = latent == 2 ? codes[i * width + 1] : static_cast<float>(i);
    }
    if (latent == 1) p.y = "place among the rows";
    p.text = latent == 1 ? "the code has one unit" : "the code's two units";
    return p;
  }
  const measure::RowSource source = measure::rows_in(codes, latent);
  // Wide codes from fewer rows: all 8,192 of a sound's codes take minutes.
  constexpr int64_t kWide = 1024, kRowsOfWide = 512;
  const measure::Pca pca =
      measure::pca_of(latent > kWide ? measure::some_rows(source, kRowsOfWide) : source, latent, 2);
  const std::vector<float> projected = measure::project(pca, source);
  const auto components = static_cast<size_t>(pca.size());
  for (size_t i = 0; i < n; ++i) {
    for (size_t axis = 0; axis < components; ++axis)
      p.points[2 * i + axis] = projected[i * components + axis];
  }
  double kept = 0;
  for (const double v : pca.variance) kept += v;
  p.x = "first principal component";
  p.y = "second principal component";
  p.text =
      fmt::format("the two principal components of the code's {} units, {:.0f} % of its variance",
                  latent, pca.total > 0 ? 100 * kept / pca.total : 0);
  return p;
}

std::string name_of_label(const Dataset& data, float value) {
  if (value >= 0 && value < static_cast<float>(data.classes().size()))
    return data.classes()[static_cast<size_t>(value)];
  return fmt::format("{:g}", value);
}

/// Group of each row and the groups' names; one group without labels.
std::vector<std::string> groups_of(const Dataset& data, std::span<const int32_t> rows,
                                   std::vector<size_t>& group) {
  group.assign(rows.size(), 0);
  if (!data.labelled() || rows.empty()) return {""};
  std::vector<float> labels(rows.size());
  data.gather("label", rows, labels.data());
  std::map<float, size_t> values;
  for (const float v : labels) values[v] = 0;
  std::vector<std::string> names;
  if (values.size() <= kMostGroups) {
    for (auto& [value, place] : values) {
      place = names.size();
      names.push_back(name_of_label(data, value));
    }
    std::ranges::transform(labels, group.begin(), [&](float v) { return values[v]; });
    return names;
  }
  const float low = values.begin()->first, step = (values.rbegin()->first - low) / 5;
  for (int i = 0; i < 5; ++i) {
    names.push_back(fmt::format("{:.3g} to {:.3g}", low + step * static_cast<float>(i),
                                low + step * static_cast<float>(i + 1)));
  }
  std::ranges::transform(labels, group.begin(), [&](float v) {
    return std::min<size_t>(4, static_cast<size_t>(std::max(0.f, (v - low) / step)));
  });
  return names;
}

}  // namespace

Scatter map_of(std::span<const float> codes, int64_t latent, const Dataset& data,
               std::span<const int32_t> rows, std::string& text) {
  const Plane plane = plane_of(codes, latent, std::ssize(rows));
  std::vector<size_t> group;
  const std::vector<std::string> names = groups_of(data, rows, group);
  Scatter s{.title = "map of the codes", .x_name = plane.x, .y_name = plane.y};
  s.named = names.size() > 1 || !names.front().empty();
  for (const std::string& name : names) s.groups.push_back({.name = name});
  for (size_t i = 0; i < rows.size(); ++i) {
    s.groups[group[i]].x.push_back(plane.points[2 * i]);
    s.groups[group[i]].y.push_back(plane.points[2 * i + 1]);
  }
  text = fmt::format("Each point is a row ({} of them), by {}{}.", rows.size(), plane.text,
                     s.named ? "; colour and shape say its label" : "");
  return s;
}

}  // namespace latent::report
