// The axes that charts share: from values to places on a drawing, ticks, grid lines, names.
#pragma once

#include <string>

namespace latent::report {

class Frame {
 public:
  /// Pixels of the drawing; the page scales it to its width.
  Frame(double width, double height);

  /// Of values; an axis on which nothing varies gets some room.
  void set_ranges(double low_x, double high_x, double low_y, double high_y);
  double x(double value) const;  ///< Pixels from the left.
  double y(double value) const;  ///< Pixels from the top.

  /// The svg element's start, with `title` for those who cannot see it.
  std::string open(const std::string& title) const;
  std::string axes(const std::string& x_name, const std::string& y_name) const;

  double left, top, right, bottom;  // pixels of the plot within the drawing

 private:
  double width_, height_;
  double low_x_ = 0, high_x_ = 1, low_y_ = 0, high_y_ = 1;
};

}  // namespace latent::report
