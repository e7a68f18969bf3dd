// Charts: marks at their places, hostile names escaped, odd values survived.
#include "report/svg.h"

#include <gtest/gtest.h>

#include <cmath>

#include "report/frame.h"

namespace latent::report {
namespace {

size_t count(const std::string& text, const std::string& what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
  return n;
}

TEST(Svg, TicksAreRound) {
  EXPECT_EQ(ticks(0, 10), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(ticks(-1, 1), (std::vector<double>{-1, -0.5, 0, 0.5, 1}));
  EXPECT_FALSE(std::signbit(ticks(-0.5, 10).front())) << "0, not -0";
  EXPECT_EQ(ticks(3, 3), (std::vector<double>{3}));
  for (const double high : {1e-9, 0.37, 7.0, 123456.0}) {
    EXPECT_GE(ticks(0, high).size(), 3u) << high;
    EXPECT_LE(ticks(0, high).size(), 7u) << high;
  }
}

TEST(Svg, FrameMapsCornersInside) {
  Frame f(640, 300);
  f.set_ranges(0, 10, -1, 1);
  EXPECT_GT(f.x(0), f.left);
  EXPECT_LT(f.x(10), f.right);
  EXPECT_GT(f.y(1), f.top);
  EXPECT_LT(f.y(-1), f.bottom);
  EXPECT_NEAR(f.x(5), (f.left + f.right) / 2, 1e-9);
  f.set_ranges(3, 3, 0, 0);
  EXPECT_TRUE(std::isfinite(f.x(3)) && std::isfinite(f.y(0)));
}

TEST(Svg, LinesBreakWhereThereIsNoNumber) {
  LineChart chart{.title = "loss <b>", .x_name = "epoch"};
  chart.lines.push_back({.name = "a & b", .x = {1, 2, 3, 4, 5}, .y = {1, 2, NAN, 2, 1}});
  const std::string svg = svg_lines(chart);
  EXPECT_EQ(count(svg, "<svg"), 1u);
  EXPECT_NE(svg.find("loss &lt;b&gt;"), svg.npos);
  EXPECT_NE(svg.find("a &amp; b"), svg.npos);
  EXPECT_EQ(svg.find("nan"), svg.npos);
  const size_t path = svg.find("class=\"line c0\" d=\"M");
  ASSERT_NE(path, svg.npos);
  EXPECT_EQ(count(svg.substr(path, svg.find("/>", path) - path), "M"), 2u) << "two strokes";
}

TEST(Svg, APointAloneIsADot) {
  LineChart chart{.title = "one epoch", .x_name = "epoch"};
  chart.lines.push_back({.name = "a", .x = {1}, .y = {2}});
  const std::string svg = svg_lines(chart);
  EXPECT_EQ(count(svg, "class=\"dot c0\" d=\"M"), 1u);
  EXPECT_EQ(count(svg, "class=\"line c0\""), 1u) << "the legend's alone";
}

TEST(Svg, ChartsFromZeroCutNothingOff) {
  LineChart chart{.title = "units", .x_name = "epoch"};
  chart.lines.push_back({.name = "z1"});
  for (int i = 0; i < 100; ++i) {
    chart.lines[0].x.push_back(i);
    chart.lines[0].y.push_back(i == 99 ? 500 : 100);
  }
  EXPECT_EQ(svg_lines(chart).find(">400<"), std::string::npos) << "above the 97th percentile";
  chart.from_zero = true;
  const std::string svg = svg_lines(chart);
  EXPECT_NE(svg.find(">400<"), svg.npos);
  EXPECT_NE(svg.find(">0<"), svg.npos);
}

TEST(Svg, LongLinesAreThinned) {
  Series s{.name = "many"};
  for (int i = 0; i < 100000; ++i) {
    s.x.push_back(i);
    s.y.push_back(i % 7);
  }
  EXPECT_LT(svg_lines({.title = "t", .x_name = "x", .lines = {s}}).size(), 12000u);
}

TEST(Svg, NothingToDraw) {
  EXPECT_EQ(svg_lines({.title = "t"}), "");
  EXPECT_EQ(svg_lines({.title = "t", .lines = {{.name = "a", .x = {1}, .y = {NAN}}}}), "");
  EXPECT_EQ(svg_scatter({.title = "t"}), "");
}

TEST(Svg, BarsSayTheirValues) {
  const Bar bars[] = {{"z1", 2, false}, {"z<2>", 0, true}};
  const std::string svg = svg_bars("use", bars);
  EXPECT_EQ(count(svg, "<rect"), 2u);
  EXPECT_NE(svg.find("z&lt;2&gt;"), svg.npos);
  EXPECT_NE(svg.find("width=\"420.0\""), svg.npos) << "the longest takes all the room";
  EXPECT_EQ(count(svg, "bar faint"), 1u);
}

TEST(Svg, GroupsDifferInColourAndShape) {
  Scatter s{.title = "map", .x_name = "x", .y_name = "y"};
  for (int i = 0; i < 9; ++i) {
    const auto v = static_cast<float>(i);
    s.groups.push_back({.name = "<" + std::to_string(i), .x = {v, v}, .y = {v, v + 1}});
  }
  const std::string svg = svg_scatter(s);
  EXPECT_EQ(count(svg, "&lt;8"), 2u) << "at its middle and in the legend";
  EXPECT_NE(svg.find("class=\"dot c0\""), svg.npos);
  EXPECT_NE(svg.find("class=\"square c1\""), svg.npos);
  EXPECT_NE(svg.find("class=\"square c6\"") == svg.npos,
            svg.find("class=\"figure c6\"") == svg.npos);
  EXPECT_NE(svg.find("class=\"figure c0\""), svg.npos) << "colour 0 again, in another shape";
}

}  // namespace
}  // namespace latent::report
