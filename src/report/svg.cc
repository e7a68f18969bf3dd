// Lines and bars; see svg.h. Coordinates are rounded to a tenth of a pixel: the text stays short
// and the same.
#include "report/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/frame.h"
#include "report/html.h"

namespace latent::report {

namespace {

constexpr size_t kMostPoints = 400;  // of a line; more would not be seen

/// The upper end of the y axis.
double high_of(const LineChart& chart) {
  std::vector<double> all;
  for (const Series& s : chart.lines) {
    std::ranges::copy_if(s.y, std::back_inserter(all), [](double v) { return std::isfinite(v); });
  }
  if (all.empty()) return 1;
  const size_t percent = chart.from_zero ? 100 : 97;
  const auto at = all.begin() + static_cast<ptrdiff_t>((all.size() - 1) * percent / 100);
  std::ranges::nth_element(all, at);
  return *at;
}

std::string polyline(const Series& s, const Frame& frame) {
  const size_t every = (s.x.size() - 1) / kMostPoints + 1;
  std::string path;
  bool pen_down = false;
  int points = 0;
  for (size_t i = 0; i < s.x.size(); ++i) {
    if (i % every && i + 1 != s.x.size()) continue;
    if (!std::isfinite(s.y[i])) {
      pen_down = false;
      continue;
    }
    path += fmt::format("{}{:.1f} {:.1f}", pen_down ? "L" : "M", frame.x(s.x[i]),
                        std::max(frame.y(s.y[i]), frame.top));
    pen_down = true;
    ++points;
  }
  if (points == 1)
    return fmt::format("<path class=\"dot c{}\" d=\"{}h0\"/>\n", s.colour % kColours, path);
  return fmt::format("<path class=\"line c{}{}\" d=\"{}\"/>\n", s.colour % kColours,
                     s.dashed ? " dashed" : "", path);
}

std::string legend(const std::vector<Series>& lines, const Frame& frame) {
  std::string out;
  double x = frame.left;
  for (const Series& s : lines) {
    out += fmt::format(
        "<path class=\"line c{}{}\" d=\"M{:.1f} {:.1f}h22\"/><text x=\"{:.1f}\" "
        "y=\"{:.1f}\">{}</text>\n",
        s.colour % kColours, s.dashed ? " dashed" : "", x, frame.top - 14, x + 27, frame.top - 10,
        escape(s.name));
    x += 42 + 9 * static_cast<double>(s.name.size());  // also at a phone's font size
  }
  return out;
}

}  // namespace

std::vector<double> ticks(double low, double high) {
  // Less apart than doubles tell: one tick, and no loop that adds 1 in vain.
  if (!(high - low > 1e-12 * std::max(std::abs(low), std::abs(high)))) return {low};
  const double raw = (high - low) / 5, power = std::pow(10, std::floor(std::log10(raw)));
  const double unit = raw / power;
  const double step = (unit <= 1 ? 1 : unit <= 2 ? 2 : unit <= 5 ? 5 : 10) * power;
  std::vector<double> values;
  const double first = std::ceil(low / step - 1e-9);
  for (double k = first; k * step <= high + 1e-9 * step; ++k)
    values.push_back(k * step + 0.0);  // no -0
  return values;
}

std::string svg_lines(const LineChart& chart) {
  double left = INFINITY, right = -INFINITY, low = INFINITY;
  for (const Series& s : chart.lines) {
    for (size_t i = 0; i < s.x.size(); ++i) {
      left = std::min(left, s.x[i]);
      right = std::max(right, s.x[i]);
      if (std::isfinite(s.y[i])) low = std::min(low, s.y[i]);
    }
  }
  if (!(left <= right) || !std::isfinite(low)) return "";
  if (chart.from_zero) low = std::min(low, 0.0);
  Frame frame(640, 300);
  frame.set_ranges(left, right, low, high_of(chart));
  std::string out = frame.open(chart.title) + frame.axes(chart.x_name, "");
  for (const Series& s : chart.lines) {
    if (!s.x.empty()) out += polyline(s, frame);
  }
  return out + legend(chart.lines, frame) + "</svg>\n";
}

std::string svg_bars(const std::string& title, std::span<const Bar> bars) {
  constexpr double kRow = 22, kWidth = 640, kName = 150, kValue = 70;
  double most = 0;
  for (const Bar& b : bars) most = std::max(most, b.value);
  const double unit = most > 0 ? (kWidth - kName - kValue) / most : 0;
  std::string out = Frame(kWidth, kRow * static_cast<double>(bars.size()) + 8).open(title);
  double y = 4;
  for (const Bar& b : bars) {
    out += fmt::format(
        "<text class=\"end\" x=\"{}\" y=\"{:.1f}\">{}</text><rect class=\"bar{}\" x=\"{}\" "
        "y=\"{:.1f}\" width=\"{:.1f}\" height=\"{}\"/><text x=\"{:.1f}\" "
        "y=\"{:.1f}\">{:.3g}</text>\n",
        kName - 6, y + 15, escape(shortened(b.name, 20)), b.faint ? " faint" : "", kName, y + 3,
        std::max(1.0, unit * std::max(b.value, 0.0)), kRow - 6,
        kName + 6 + unit * std::max(b.value, 0.0), y + 15, b.value);
    y += kRow;
  }
  return out + "</svg>\n";
}

}  // namespace latent::report
