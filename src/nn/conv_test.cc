// Layers of convolution and normalization: shapes, parameters and their fans, normalized values,
// running statistics, and what misuse is told.
#include <gtest/gtest.h>

#include <cmath>

#include "latent/latent.h"

namespace latent {
namespace {

/// Runs f, which must throw a UsageError whose text holds all of `pieces`.
void refused(const std::function<void()>& f, const std::vector<std::string>& pieces) {
  try {
    f();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const UsageError& e) {
    for (const std::string& p : pieces)
      EXPECT_NE(std::string(e.what()).find(p), std::string::npos) << e.what() << "\nlacks " << p;
  }
}

TEST(ConvLayers, SamePaddingDividesAndMultipliesTheSize) {
  Graph g;
  const Scope s(g, true);
  const Expr x = g.feed("x", {2, 7, 10, 3});
  for (const int64_t kernel : {1, 2, 3, 4, 5}) {
    const Scope k = s / static_cast<int>(kernel);
    const Expr down = conv2d(k / "down", x, 6, kernel, {.stride = {2, 3}, .groups = 3});
    EXPECT_EQ(down.shape(), (Shape{2, 4, 4, 6})) << kernel;
    const Expr up = conv_transpose2d(k / "up", down, 9, kernel, {.stride = {2, 3}, .groups = 3});
    EXPECT_EQ(up.shape(), (Shape{2, 8, 12, 9})) << kernel;
  }
  EXPECT_EQ(g.slots("5/down")[0].shape(), (Shape{5, 5, 1, 6}));
  EXPECT_EQ(g.slots("5/up")[0].shape(), (Shape{5, 5, 3, 6}));
  EXPECT_EQ(g.slots("5/up")[1].shape(), (Shape{9}));
}

TEST(ConvLayers, SequencesTakeTheWidthOfEachOption) {
  Graph g;
  const Scope s(g, true);
  const Expr x = g.feed("x", {2, 64, 3});
  const Expr down =
      conv1d(s / 0, x, 8, 7, {.stride = 4, .padding = Padding{.left = 3, .right = 3}});
  EXPECT_EQ(down.shape(), (Shape{2, 16, 8}));
  EXPECT_EQ(g.slots("0")[0].shape(), (Shape{7, 3, 8}));
  const Expr up = conv_transpose1d(s / 1, down, 3, 8, {.stride = 4, .bias = false});
  EXPECT_EQ(up.shape(), (Shape{2, 64, 3}));
  EXPECT_EQ(g.slots("1").size(), 1u);
  const Expr own =
      conv_transpose1d(s / 2, down, 3, 3, {.stride = 4, .padding = Padding{}, .output_padding = 2});
  EXPECT_EQ(own.shape(), (Shape{2, 15 * 4 + 3 + 2, 3}));
}

TEST(ConvLayers, FansCountTheTapsAndTheChannelsOfAGroup) {
  Graph g;
  const Scope s(g, true);
  const Expr x = g.feed("x", {1, 8, 8, 6});
  std::vector<std::pair<int64_t, int64_t>> fans;
  const auto note = [&](int64_t in, int64_t out) {
    fans.emplace_back(in, out);
    return he_normal(in);
  };
  conv2d(s / 0, x, 4, {3, 5}, {.weight = note});
  conv2d(s / 1, x, 12, 3, {.groups = 3, .weight = note});
  conv_transpose2d(s / 2, x, 4, 2, {.stride = 2, .weight = note});
  conv1d(s / 3, reshape(x, {1, 64, 6}), 5, 7, {.weight = note});
  EXPECT_EQ(fans, (std::vector<std::pair<int64_t, int64_t>>{
                      {15 * 6, 15 * 4}, {9 * 2, 9 * 4}, {4 * 6, 4 * 4}, {7 * 6, 7 * 5}}));
}

TEST(ConvLayers, MisuseSaysWhatIsNeeded) {
  Graph g;
  const Scope s(g, true);
  const Expr x = g.feed("x", {1, 8, 8, 6}), line = g.feed("line", {1, 8, 6}),
             point = g.feed("point", {1, 6});
  refused([&] { conv2d(s / "a", line, 4, 3); }, {"conv2d", "[n, h, w, c]", "[1,8,6]", "conv_test"});
  refused([&] { conv1d(s / "b", x, 4, 3); }, {"conv1d", "[n, l, c]"});
  refused([&] { conv2d(s / "c", x, 4, 3, {.groups = 4}); }, {"6 channels in", "4 groups"});
  refused([&] { conv2d(s / "d", x, 0, 3); }, {"start at 1"});
  refused([&] { conv2d(s / "e", x, 4, 3, {.stride = 9}); }, {"at most 8 fits"});
  refused([&] { group_norm(s / "f", x, 4); }, {"6 channels", "4 groups"});
  refused([&] { batch_norm(s / "g", point); }, {"at least two values"});
  refused([&] { batch_norm(s / "h", x, {.momentum = 2}); }, {"between 0 and 1"});
  refused([&] { layer_norm(s / "i", x, {.epsilon = 0}); }, {"above 0"});
}

// A discriminator judges real rows and false ones in one trace: each has its own statistics, and
// the running ones follow the first.
TEST(Normalizations, BatchNormUsedTwiceInATrace) {
  Graph g;
  const Scope s(g, true);
  const auto norm = [&](const char* feed) {
    return batch_norm(s / "norm", g.feed(feed, {2, 1}), {.epsilon = 1e-9});
  };
  g.fetch("real", norm("x"));
  g.fetch("false", norm("y"));
  Slots slots;
  Plan plan(g, slots, {.threads = 1});
  const std::vector<float> real = {1, 3}, made = {-10, 30};
  plan.feed("x", std::span<const float>(real));
  plan.feed("y", std::span<const float>(made));
  plan.run();
  for (const char* fetch : {"real", "false"}) {
    EXPECT_NEAR(plan.fetch(fetch)[0], -1, 1e-5) << fetch;
    EXPECT_NEAR(plan.fetch(fetch)[1], 1, 1e-5) << fetch;
  }
  EXPECT_NEAR(slots.at("norm/running_mean").span<float>()[0], 0.1 * 2, 1e-6);
  EXPECT_NEAR(slots.at("norm/running_variance").span<float>()[0], 0.9 + 0.1 * 2, 1e-6);
}

/// A plan of one normalization on x, fetched as y, with the feed set to v.
struct Normalized {
  Slots slots{1};
  std::vector<float> y;
  Normalized(bool training, Shape shape, const std::vector<float>& v,
             const std::function<Expr(const Scope&, Expr)>& norm) {
    again(training, shape, v, norm);
  }
  void again(bool training, Shape shape, const std::vector<float>& v,
             const std::function<Expr(const Scope&, Expr)>& norm) {
    Graph g;
    g.fetch("y", norm(Scope(g, training) / "norm", g.feed("x", shape)));
    Plan plan(g, slots, {.threads = 1, .verify = true});
    plan.feed<float>("x", v);
    plan.run();
    y.assign(plan.fetch("y").begin(), plan.fetch("y").end());
  }
  float slot(const std::string& name, size_t i) {
    return slots.at("norm/" + name).span<float>()[i];
  }
};

TEST(Norm, BatchStatisticsInTrainingRunningOnesOtherwise) {
  const auto norm = [](const Scope& s, Expr x) { return batch_norm(s, x, {.epsilon = 1e-9}); };
  // Channel 0: mean 4, variance 5 (unbiased 20/3); channel 1: mean 10, variance 0.
  const std::vector<float> v = {1, 10, 3, 10, 5, 10, 7, 10};
  Normalized n(true, {2, 1, 2, 2}, v, norm);
  const float root = std::sqrt(5.0f);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(n.y[2 * i], (v[2 * i] - 4) / root, 1e-6f);
    EXPECT_EQ(n.y[2 * i + 1], 0);
  }
  EXPECT_NEAR(n.slot("running_mean", 0), 0.4f, 1e-6f);
  EXPECT_NEAR(n.slot("running_variance", 0), 0.9f + 0.1f * 20 / 3, 1e-6f);
  EXPECT_NEAR(n.slot("running_mean", 1), 1, 1e-6f);
  EXPECT_NEAR(n.slot("running_variance", 1), 0.9f, 1e-6f);
  n.again(false, {1, 2}, {2.4f, 1}, norm);  // one row suffices
  EXPECT_NEAR(n.y[0], 2 / std::sqrt(0.9f + 0.1f * 20 / 3), 1e-5f);
  EXPECT_NEAR(n.slot("running_mean", 0), 0.4f, 1e-6f);  // untouched
}

TEST(Norm, StatisticsOfALayerAGroupAndAnInstance) {
  const NormOptions exact{.epsilon = 1e-9};
  const std::vector<float> v = {1, 3, 10, 10, 2, 8, 30, 50};  // [1, 2, 4]
  const auto close = [](const std::vector<float>& y, const std::vector<float>& expected) {
    for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(y[i], expected[i], 1e-5f) << i;
  };
  // Over the last axis: means 6 and 22.5, variances 16.5 and 360.75.
  const float a = std::sqrt(16.5f), b = std::sqrt(360.75f);
  close(Normalized(true, {1, 2, 4}, v,
                   [&](const Scope& s, Expr x) { return layer_norm(s, x, exact); })
            .y,
        {-5 / a, -3 / a, 4 / a, 4 / a, -20.5f / b, -14.5f / b, 7.5f / b, 27.5f / b});
  // Channels 0 and 1 at both places: 1 3 2 8; channels 2 and 3: 10 10 30 50.
  const float c = std::sqrt(7.25f), d = std::sqrt(275.0f);
  close(Normalized(true, {1, 2, 4}, v,
                   [&](const Scope& s, Expr x) { return group_norm(s, x, 2, exact); })
            .y,
        {-2.5f / c, -0.5f / c, -15 / d, -15 / d, -1.5f / c, 4.5f / c, 5 / d, 25 / d});
  close(Normalized(true, {1, 2, 4}, v,
                   [&](const Scope& s, Expr x) { return instance_norm(s, x, exact); })
            .y,
        {-1, -1, -1, -1, 1, 1, 1, 1});
}

}  // namespace
}  // namespace latent
