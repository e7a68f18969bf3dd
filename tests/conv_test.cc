// Convolution and pooling through graphs: values worked out by hand, gradients of gradients against
// differences in double, the same bits for any number of threads, and what misuse is told.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "latent/latent.h"

namespace latent {
namespace {

std::vector<double> draw(int64_t n, uint64_t seed, double scale = 0.5) {
  std::mt19937_64 random(seed);
  std::vector<double> v(static_cast<size_t>(n));
  for (double& x : v) x = scale * std::normal_distribution<double>()(random);
  return v;
}

/// The value of f at feeds x (and its gradient to x, of the sum) by a plan and by the reference,
/// which must agree.
struct Result {
  std::vector<double> y, dx;
  Shape shape;
};
Result evaluate(Shape shape, const std::vector<double>& x, const std::function<Expr(Expr)>& f) {
  Graph g;
  const Expr feed = g.feed("x", shape), y = f(feed);
  g.fetch("y", y);
  g.fetch("dx", grad(sum(y * g.feed("dy", y.shape())), {feed})[0]);
  Slots slots;
  Plan plan(g, slots, {.threads = 1, .verify = true});
  Reference reference(g);
  std::vector<double> dy(static_cast<size_t>(y.shape().elements()));
  for (size_t i = 0; i < dy.size(); ++i) dy[i] = static_cast<double>(i + 1);
  reference.set("x", x);
  reference.set("dy", dy);
  std::copy(dy.begin(), dy.end(), plan.feed("dy").begin());
  if (plan.has_feed("x")) std::copy(x.begin(), x.end(), plan.feed("x").begin());
  plan.run();
  reference.run();
  Result r{reference.fetch("y"), reference.fetch("dx"), y.shape()};
  for (size_t i = 0; i < r.y.size(); ++i)
    EXPECT_NEAR(static_cast<double>(plan.fetch("y")[i]), r.y[i], 1e-5) << i;
  for (size_t i = 0; i < r.dx.size(); ++i)
    EXPECT_NEAR(static_cast<double>(plan.fetch("dx")[i]), r.dx[i], 1e-4) << i;
  return r;
}

using Values = std::vector<double>;

TEST(Conv, IsACrossCorrelation) {
  const Result r = evaluate({1, 2, 3, 1}, {1, 2, 3, 4, 5, 6}, [](Expr x) {
    const Expr w = reshape(cast(iota(x.graph(), 4), DType::f32), {2, 2, 1, 1});  // 0 1 / 2 3
    return conv2d(x, w, {.padding = {.left = 1}});
  });
  EXPECT_EQ(r.shape, (Shape{1, 1, 3, 1}));
  EXPECT_EQ(r.y, (Values{1 + 3 * 4, 2 + 2 * 4 + 3 * 5, 3 + 2 * 5 + 3 * 6}));
}

TEST(Conv, SamePaddingKeepsTheSizeAndPutsTheOddZeroLast) {
  const Padding p = same_padding({28, 7}, {3, 4}, {2, 1});
  EXPECT_EQ((Values{double(p.top), double(p.bottom), double(p.left), double(p.right)}),
            (Values{0, 1, 1, 2}));
  Graph g;
  const Expr y = conv2d(g.feed("x", {1, 28, 7, 1}), g.feed("w", {3, 4, 1, 2}),
                        {.stride = {2, 1}, .padding = p});
  EXPECT_EQ(y.shape(), (Shape{1, 14, 7, 2}));
  EXPECT_THROW(same_padding(5, 3, 0), UsageError);
}

TEST(Conv, TransposedSpreadsEachPixelAndTakesOutputPadding) {
  const Result r = evaluate({1, 1, 2, 1}, {1, 10}, [](Expr x) {
    const Expr w = reshape(cast(iota(x.graph(), 3), DType::f32) + 1, {1, 3, 1, 1});  // 1 2 3
    return conv_transpose2d(x, w, {.stride = {1, 2}}, {0, 1});
  });
  EXPECT_EQ(r.shape, (Shape{1, 1, 6, 1}));
  EXPECT_EQ(r.y, (Values{1, 2, 3 + 10, 20, 30, 0}));
}

TEST(Pool, MaximumAndWhereItsGradientGoes) {
  const Result r = evaluate({1, 2, 4, 1}, {5, 5, -1, -2, 0, 5, -3, -1},
                            [](Expr x) { return max_pool(x, 2, 2); });
  EXPECT_EQ(r.y, (Values{5, -1}));
  EXPECT_EQ(r.dx, (Values{1, 0, 2, 0, 0, 0, 0, 0}));  // the first of equals
}

TEST(Pool, PaddingNeverWinsAMaximumAndCountsInAMean) {
  const Padding around{1, 1, 1, 1};
  EXPECT_EQ(evaluate({1, 1, 1, 1}, {-7}, [&](Expr x) { return max_pool(x, 3, 1, around); }).y,
            (Values{-7}));
  EXPECT_NEAR(
      evaluate({1, 1, 1, 1}, {-9}, [&](Expr x) { return average_pool(x, 3, 1, around); }).y[0], -1,
      1e-6);
}

TEST(Pool, MeansOfWindowsAndOfPictures) {
  const Result r = evaluate({1, 2, 4, 1}, {1, 2, 3, 4, 5, 6, 7, 8},
                            [](Expr x) { return average_pool(x, 2, 2); });
  EXPECT_EQ(r.y, (Values{3.5, 5.5}));
  EXPECT_EQ(r.dx, (Values{.25, .25, .5, .5, .25, .25, .5, .5}));
  const Result all = evaluate({2, 1, 2, 2}, {1, 10, 3, 20, 5, 30, 7, 50}, global_average_pool);
  EXPECT_EQ(all.shape, (Shape{2, 2}));
  EXPECT_EQ(all.y, (Values{2, 15, 6, 40}));
}

TEST(Upsample, NearestRepeatsAndSums) {
  const Result r = evaluate({1, 1, 2, 2}, {1, 2, 3, 4}, [](Expr x) {
    return upsample_nearest(x, {1, 2});
  });
  EXPECT_EQ(r.shape, (Shape{1, 1, 4, 2}));
  EXPECT_EQ(r.y, (Values{1, 2, 1, 2, 3, 4, 3, 4}));
  EXPECT_EQ(r.dx, (Values{1 + 3, 2 + 4, 5 + 7, 6 + 8}));
}

TEST(Upsample, BilinearHasHalfPixelCentres) {  // as PyTorch's interpolate(align_corners=False)
  const auto by = [](Extent factor) {
    return [=](Expr x) { return upsample_bilinear(x, factor); };
  };
  const Result two = evaluate({1, 1, 2, 1}, {0, 1}, by({1, 2}));
  EXPECT_EQ(two.y, (Values{0, 0.25, 0.75, 1}));
  EXPECT_EQ(two.dx, (Values{1 + 2 * 0.75 + 3 * 0.25, 2 * 0.25 + 3 * 0.75 + 4}));
  const Result three = evaluate({1, 1, 2, 1}, {0, 3}, by({1, 3}));
  const Values expected = {0, 0, 1, 2, 3, 3};
  for (size_t i = 0; i < 6; ++i) EXPECT_NEAR(three.y[i], expected[i], 1e-6) << i;
  const Result both = evaluate({1, 2, 2, 1}, {0, 1, 2, 3}, by(2));
  const Values square = {0,   0.25, 0.75, 1,   0.5, 0.75, 1.25, 1.5,
                         1.5, 1.75, 2.25, 2.5, 2,   2.25, 2.75, 3};
  EXPECT_EQ(both.y, square);
}

TEST(Upsample, PixelShuffleGivesChannelsToBlocks) {
  const Result r =
      evaluate({1, 1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}, [](Expr x) { return pixel_shuffle(x, 2); });
  EXPECT_EQ(r.shape, (Shape{1, 2, 4, 1}));
  EXPECT_EQ(r.y, (Values{1, 2, 5, 6, 3, 4, 7, 8}));
}

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

/// Compares the fetches d<name> of a graph with differences of its fetch "loss" in the feeds.
void check_gradients(const Graph& g, const std::vector<std::pair<std::string, int64_t>>& feeds,
                     double tolerance) {
  Reference r(g);
  std::vector<std::vector<double>> v;
  for (size_t i = 0; i < feeds.size(); ++i) {
    v.push_back(draw(feeds[i].second, i + 1));
    r.set(feeds[i].first, v.back());
  }
  r.run();
  std::vector<std::vector<double>> d;
  for (const auto& [name, n] : feeds) d.push_back(r.fetch("d" + name));
  for (size_t i = 0; i < feeds.size(); ++i) {
    for (size_t k = 0; k < v[i].size(); ++k) {
      const double h = 1e-5, old = v[i][k];
      const auto at = [&](double x) {
        v[i][k] = x;
        r.set(feeds[i].first, v[i]);
        r.run();
        return r.fetch("loss")[0];
      };
      const double difference = (at(old + h) - at(old - h)) / (2 * h);
      v[i][k] = old;
      r.set(feeds[i].first, v[i]);
      EXPECT_NEAR(d[i][k], difference, tolerance * std::max(1.0, std::abs(difference)))
          << feeds[i].first << "[" << k << "]";
    }
  }
}

/// Fetches loss and its gradients to the feeds or slots.
void fetch_gradients(Graph& g, Expr loss, const std::vector<Expr>& feeds) {
  g.fetch("loss", loss);
  const std::vector<Expr> d = grad(loss, feeds);
  for (size_t i = 0; i < d.size(); ++i) g.fetch("d" + g.name_of(feeds[i]), d[i]);
}

TEST(Conv, GradientOfAGradientsNormThroughConvolutions) {
  Graph g;
  const Expr x = g.feed("x", {2, 5, 4, 2}), a = g.feed("a", {3, 2, 1, 4}),
             b = g.feed("b", {2, 2, 3, 4});
  const Expr h = tanh(
      conv2d(x, a, {.stride = {2, 1}, .padding = {1, 1, 0, 1}, .dilation = {1, 2}, .groups = 2}));
  const Expr y = conv_transpose2d(h, b, {.stride = {2, 1}}, {1, 0});
  fetch_gradients(g, sum(square(grad(sum(square(y)), {x})[0])), {x, a, b});
  check_gradients(g, {{"x", 80}, {"a", 24}, {"b", 48}}, 1e-5);
}

TEST(Pool, GradientOfAGradientsNormThroughPooling) {
  Graph g;
  const Expr x = g.feed("x", {1, 4, 5, 2});
  const Expr y = upsample_bilinear(max_pool(square(x), {2, 3}, {2, 1}), 2) +
                 average_pool(x * square(x), {1, 3}, 1, {.left = 1, .right = 2});
  fetch_gradients(g, sum(square(grad(sum(square(y)), {x})[0])), {x});
  check_gradients(g, {{"x", 40}}, 1e-5);
}

TEST(Conv, GradientPenaltyThroughConvolutionsAndBatchNorm) {
  Graph g;
  const Scope s(g, true);
  const Expr x = g.feed("x", {2, 4, 4, 1});
  Expr h = conv2d(s / 0, x, 2, 3, {.stride = 2});
  h = tanh(batch_norm(s / 1, h));
  const Expr y = conv2d(s / 2, h, 1, 2);
  const Expr slope = sqrt(sum(square(grad(sum(y), {x})[0]), {1, 2, 3}) + 1e-3);
  std::vector<Expr> all = {x};
  for (const Expr& slot : g.slots("")) {
    if (!g.name_of(slot).starts_with("1/running") && g.name_of(slot) != "2/bias")
      all.push_back(slot);
  }
  fetch_gradients(g, sum(square(slope - 1)) + mean(square(y)), all);
  std::vector<std::pair<std::string, int64_t>> names;
  for (const Expr& e : all) names.emplace_back(g.name_of(e), e.shape().elements());
  EXPECT_EQ(names.size(), 6u);  // x, two weights, a bias, and batch norm's weight and bias
  check_gradients(g, names, 1e-5);
}

TEST(Conv, SameBitsOnAnyNumberOfThreadsAndPieceByPiece) {
  std::vector<Slots> trained(7);
  const int threads[] = {1, 2, 3, 4, 8, 1, 2};
  for (size_t k = 0; k < trained.size(); ++k) {
    const bool pieces = k < 6;
    Graph g;
    const Scope s(g, true);
    const Expr x = g.feed("x", {32, 16, 16, 3});
    Expr h = relu(batch_norm(s / 0, conv2d(s / 1, x, 32, 3)));
    h = h + conv2d(s / 6, h, 32, 3);  // Winograd's
    h = max_pool(relu(batch_norm(s / 2, conv2d(s / 3, h, 64, 3, {.stride = 2}))), 2, 2);
    h = relu(conv_transpose2d(s / 4, upsample_nearest(h, 2), 32, 4, {.stride = 2}));
    const Expr loss = mean(square(conv2d(s / 5, h, 3, 3) - x));
    minimize(g, loss);
    g.fetch("loss", loss);
    CompileOptions options{.threads = threads[k]};
    if (!pieces) options.off = {"pieces"};
    Plan plan(g, trained[k], options);
    EXPECT_GE(plan.stats().parts, 8u);
    EXPECT_EQ(plan.explain().find("+ taps by weights") != std::string::npos, pieces)
        << plan.explain();
    const std::vector<double> v = draw(32 * 16 * 16 * 3, 7);
    std::copy(v.begin(), v.end(), plan.feed("x").begin());
    for (int i = 0; i < 3; ++i) plan.run();
    for (const auto& [name, tensor] : trained[k].tensors()) {
      const std::span<const std::byte> a = std::as_const(trained[0]).at(name).as_bytes(),
                                       b = tensor.as_bytes();
      EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end()))
          << name << " on " << threads[k] << " threads";
    }
  }
}

TEST(Conv, WhatOnePartMakesAndReadsLiesWithItsThread) {
  const std::vector<double> v = draw(16 * 32 * 32 * 3, 9);
  const auto run = [&](CompileOptions options, bool middle, std::vector<float>& out) {
    Graph g;
    const Scope s(g, false);
    const auto strided = [&](int k, Expr x, int64_t channels) {
      return relu(conv2d(s / k, x, channels, 3, {.stride = 2}));
    };
    const Expr h = strided(0, g.feed("x", {16, 32, 32, 3}), 24);
    g.fetch("y", strided(2, strided(1, h, 48), 64));
    if (middle) g.fetch("h", h);
    Slots slots;
    Plan plan(g, slots, std::move(options));
    std::copy(v.begin(), v.end(), plan.feed("x").begin());
    for (int i = 0; i < 2; ++i) plan.run();
    if (middle) plan.profile(1);
    const auto y = plan.fetch("y");
    out.assign(y.begin(), y.end());
    if (middle) out.insert(out.end(), plan.fetch("h").begin(), plan.fetch("h").end());
    return plan.stats().arena_bytes;
  };
  std::vector<float> whole, alone, five, with_h, of_three;
  const size_t picture = 16 * 16 * 24 * 4;  // bytes of h's; the next ones are half as large
  const size_t all = run({.threads = 1, .off = {"pieces"}}, false, whole);
  const size_t one = run({.threads = 1}, false, alone);
  const size_t many = run({.threads = 5}, false, five);
  EXPECT_EQ(alone, whole);
  EXPECT_EQ(five, whole);
  EXPECT_GE(all, one + 4 * picture);
  EXPECT_GE(many, one + 4 * picture);  // each thread has its own
  EXPECT_LE(many, one + 4 * 2 * picture);
  // What is fetched stays in the arena.
  EXPECT_GE(run({.threads = 3}, true, of_three), one + 15 * picture);
  run({.threads = 1, .off = {"pieces"}}, true, with_h);
  EXPECT_EQ(of_three, with_h);
}

TEST(ConvMisuse, SaysWhatWouldFit) {
  Graph g;
  const Expr x = g.feed("x", {2, 5, 6, 4}), w = g.feed("w", {3, 3, 4, 8}),
             v = g.feed("v", {3, 3, 8, 4}), u = g.feed("u", {1, 1, 8, 4}),
             flat = g.feed("flat", {2, 120});
  refused(
      [&] {
        conv2d(x, w, {.stride = {1, 7}});
      },
      {"stride 7 is larger than the picture's width 6", "at most 6 fits", "conv_test.cc"});
  refused([&] { conv2d(x, w, {.stride = 0}); }, {"stride and dilation start at 1"});
  refused([&] { conv2d(x, w, {.dilation = 3}); },
          {"spans 7", "has 5", "a kernel of 2 or 2 more of padding fits"});
  refused([&] { conv2d(x, w, {.groups = 3}); },
          {"4 input channels do not fall into 3 groups", "1, 2, 4 would fit"});
  refused([&] { conv2d(x, w, {.groups = 2}); }, {"2 input channels for 2 groups"});
  refused([&] { conv2d(flat, w); }, {"4 axes", "[2,120]"});
  refused([&] { conv2d(x, w, {.padding = {.top = -1}}); }, {"padding at 0"});
  refused([&] { conv_transpose2d(x, v, {.stride = 2}, 2); },
          {"output padding of 2 with stride 2", "0 to stride - 1"});
  refused(
      [&] {
        conv_transpose2d(x, u, {.padding = {3, 3, 0, 0}});
      },
      {"leaves no height", "at most 4 fits"});
  refused([&] { max_pool(x, {6, 1}, 1); }, {"height 6", "at most 5 fits"});
  refused([&] { max_pool(x, 2, 2, {2, 0, 0, 0}); }, {"padding of 2", "at most 1 fits"});
  refused([&] { pixel_shuffle(x, 3); }, {"4 channels", "3 x 3", "9 channels would fit"});
  refused([&] { upsample_nearest(x, {1, 0}); }, {"factor starts at 1"});
  refused([&] { average_pool(flat, 2, 2); }, {"[n, h, w, c]", "[2,120]"});
}

}  // namespace
}  // namespace latent
