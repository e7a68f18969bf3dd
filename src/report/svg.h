// Charts as inline SVG: data in, text out. Colours are the classes c0 .. c6 of the page's style
// (html.h), text is in the page's colour, so that one chart serves light, dark and paper.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace latent::report {

inline constexpr int kColours = 7;

/// One line of a chart. x and y are of equal length; values that are not finite break the line.
struct Series {
  std::string name;
  std::vector<double> x, y;
  int colour = 0;       // modulo kColours
  bool dashed = false;  // so that print without colour tells lines apart
};

struct LineChart {
  std::string title;  // says what y is, with its unit
  std::string x_name;
  std::vector<Series> lines;
  bool from_zero = false;  // y from 0 to the largest value
};
/// With axes and a legend. The first epochs of a loss tower over all others: unless the chart is
/// from_zero, what lies above the 97th percentile of all values runs along the upper edge.
std::string svg_lines(const LineChart& chart);

struct Bar {
  std::string name;
  double value = 0;  // at least 0
  bool faint = false;
};
/// Horizontal bars, one below the other, with their values.
std::string svg_bars(const std::string& title, std::span<const Bar> bars);

/// Points of one kind.
struct PointGroup {
  std::string name;
  std::vector<float> x, y;
};
struct Scatter {
  std::string title, x_name, y_name;
  std::vector<PointGroup> groups;  // told apart by colour and shape: 28 are different
  bool named = true;               // with a legend, and each group's name at its middle
};
std::string svg_scatter(const Scatter& scatter);

/// Round numbers, at most seven, that cover [low, high]: steps of 1, 2 or 5 times a power of ten.
std::vector<double> ticks(double low, double high);

}  // namespace latent::report
