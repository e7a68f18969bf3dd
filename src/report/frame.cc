// Axes; see frame.h.
#include "report/frame.h"

#include <fmt/format.h>

#include <cmath>

#include "report/html.h"
#include "report/svg.h"

namespace latent::report {

namespace {

/// [low, high] with 4 % of room on both sides.
void widen(double& low, double& high) {
  const double room = high > low ? 0.04 * (high - low) : std::max(1e-6, std::abs(low) * 0.1);
  low -= room;
  high += room;
}

}  // namespace

Frame::Frame(double width, double height)
    : left(58), top(32), right(width - 12), bottom(height - 42), width_(width), height_(height) {}

void Frame::set_ranges(double low_x, double high_x, double low_y, double high_y) {
  low_x_ = low_x, high_x_ = high_x, low_y_ = low_y, high_y_ = high_y;
  widen(low_x_, high_x_);
  widen(low_y_, high_y_);
}

double Frame::x(double v) const {
  return left + (right - left) * (v - low_x_) / (high_x_ - low_x_);
}
double Frame::y(double v) const {
  return bottom - (bottom - top) * (v - low_y_) / (high_y_ - low_y_);
}

std::string Frame::open(const std::string& title) const {
  return fmt::format(
      "<svg viewBox=\"0 0 {:g} {:g}\" role=\"img\" aria-label=\"{}\">\n<title>{}</title>\n", width_,
      height_, escape(title), escape(title));
}

std::string Frame::axes(const std::string& x_name, const std::string& y_name) const {
  std::string out;
  for (const double t : ticks(low_x_, high_x_)) {
    out += fmt::format(
        "<path class=\"grid\" d=\"M{0:.1f} {1:.1f}V{2:.1f}\"/><text class=\"mid\" x=\"{0:.1f}\" "
        "y=\"{3:.1f}\">{4:.4g}</text>\n",
        x(t), top, bottom, bottom + 16, t);
  }
  for (const double t : ticks(low_y_, high_y_)) {
    out += fmt::format(
        "<path class=\"grid\" d=\"M{0:.1f} {1:.1f}H{2:.1f}\"/><text class=\"end\" x=\"{3:.1f}\" "
        "y=\"{4:.1f}\">{5:.4g}</text>\n",
        left, y(t), right, left - 6, y(t) + 4, t);
  }
  out += fmt::format("<text class=\"mid\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
                     (left + right) / 2, bottom + 34, escape(x_name));
  if (!y_name.empty()) {
    out += fmt::format(
        "<text class=\"mid\" transform=\"translate(14 {:.1f}) rotate(-90)\">{}</text>\n",
        (top + bottom) / 2, escape(y_name));
  }
  return out;
}

}  // namespace latent::report
