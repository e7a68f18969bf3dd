// The map of points; see svg.h. A group is one path: a point is a stroke of no length with a round
// or square cap, or a small closed figure, a dozen bytes each.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/frame.h"
#include "report/html.h"
#include "report/svg.h"

namespace latent::report {

namespace {

constexpr int kShapes = 4;
constexpr const char* kShapeClass[kShapes] = {"dot", "square", "figure", "figure"};
constexpr const char* kShapePath[kShapes] = {"h0", "h0", "m0-3.4l3.2 5.6h-6.4z",
                                             "m0-3.4l3.4 3.4-3.4 3.4-3.4-3.4z"};

std::string mark(size_t group, double x, double y) {
  return fmt::format("M{:.1f} {:.1f}{}", x, y, kShapePath[group % kShapes]);
}

std::string path_of(size_t group, const std::string& marks) {
  return fmt::format("<path class=\"{} c{}\" d=\"{}\"/>\n", kShapeClass[group % kShapes],
                     group % kColours, marks);
}

double median(std::vector<float> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::ranges::nth_element(values, middle);
  return static_cast<double>(*middle);
}

/// Of the values between the 0.5th and the 99.5th percentile, so that a stray point does not press
/// all others together; strays are drawn at the edge.
std::pair<double, double> range_of(std::vector<float> values) {
  std::ranges::sort(values);
  const auto cut = static_cast<size_t>(values.size() / 200);
  return {static_cast<double>(values[cut]), static_cast<double>(values[values.size() - 1 - cut])};
}

std::string names_at_middles(const Scatter& s, const Frame& frame) {
  std::string out;
  for (const PointGroup& g : s.groups) {
    if (g.x.empty()) continue;
    out +=
        fmt::format("<text class=\"place\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
                    frame.x(median(g.x)), frame.y(median(g.y)) + 5, escape(shortened(g.name, 16)));
  }
  return out;
}

/// Below the axes, in as many lines as it takes; `bottom` becomes the height of the drawing.
std::string legend(const Scatter& s, double width, double& bottom) {
  std::string out;
  double x = 60, y = bottom + 8;
  for (size_t i = 0; i < s.groups.size(); ++i) {
    const std::string name = shortened(s.groups[i].name, 24);
    const double wide = 26 + 7.2 * static_cast<double>(name.size());
    if (x + wide > width) {
      x = 60;
      y += 20;
    }
    out += path_of(i, mark(i, x, y)) +
           fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", x + 9, y + 4, escape(name));
    x += wide;
  }
  bottom = y + 12;
  return out;
}

}  // namespace

std::string svg_scatter(const Scatter& s) {
  constexpr double kWidth = 640, kHeight = 560;
  std::vector<float> xs, ys;
  for (const PointGroup& g : s.groups) {
    xs.insert(xs.end(), g.x.begin(), g.x.end());
    ys.insert(ys.end(), g.y.begin(), g.y.end());
  }
  if (xs.empty()) return "";
  double height = kHeight;
  const std::string names = s.named ? legend(s, kWidth, height) : "";
  Frame frame(kWidth, height);
  frame.bottom = kHeight - 42;
  const auto [low_x, high_x] = range_of(xs);
  const auto [low_y, high_y] = range_of(ys);
  frame.set_ranges(low_x, high_x, low_y, high_y);
  std::string out = frame.open(s.title) + frame.axes(s.x_name, s.y_name);
  for (size_t i = 0; i < s.groups.size(); ++i) {
    std::string marks;
    const PointGroup& g = s.groups[i];
    for (size_t k = 0; k < g.x.size(); ++k) {
      marks += mark(i, std::clamp(frame.x(static_cast<double>(g.x[k])), frame.left, frame.right),
                    std::clamp(frame.y(static_cast<double>(g.y[k])), frame.top, frame.bottom));
    }
    out += path_of(i, marks);
  }
  if (s.named) out += names_at_middles(s, frame) + names;
  return out + "</svg>\n";
}

}  // namespace latent::report
