// The spectral loss against a Fourier sum written out in double, its gradient against differences.
#include "models/spectral.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <functional>

#include "latent/models.h"
#include "latent/plan.h"

namespace latent {
namespace {

constexpr int64_t kSamples = 600;

std::vector<float> chirp(double rate, double size) {
  std::vector<float> x(kSamples);
  for (size_t i = 0; i < x.size(); ++i) {
    const auto t = static_cast<double>(i);
    x[i] = static_cast<float>(size * std::sin(rate * t * t / 1000));
  }
  return x;
}

double magnitude(const std::vector<float>& x, int size, int frame, int bin) {
  std::complex<double> sum = 0;
  for (int t = 0; t < size; ++t) {
    const int at = frame * size / 4 + t - size / 2;
    if (at < 0 || at >= kSamples) continue;
    sum += (0.5 - 0.5 * std::cos(2 * M_PI * t / size)) * x[static_cast<size_t>(at)] *
           std::polar(1.0, -2 * M_PI * t * bin / size);
  }
  return std::sqrt(std::norm(sum) + 1e-3);
}

double by_hand(const std::vector<float>& x, const std::vector<float>& y) {
  double total = 0;
  for (const int size : {512, 256, 128}) {
    double error = 0, power = 0, logs = 0, count = 0;
    for (int f = 0; f <= kSamples / (size / 4); ++f) {
      for (int b = 0; b <= size / 2; ++b) {
        const double a = magnitude(x, size, f, b), c = magnitude(y, size, f, b);
        error += (a - c) * (a - c);
        power += a * a;
        logs += std::abs(std::log(a) - std::log(c));
        ++count;
      }
    }
    total += std::sqrt(error / power) + logs / count;
  }
  return total / 3;
}

struct Traced {
  Slots slots;
  Graph g;
  std::unique_ptr<Plan> plan;
  Traced() {
    const Expr x = g.feed("x", {1, kSamples}), y = g.feed("y", {1, kSamples});
    const Expr loss = models::spectral_loss(x, y);
    g.fetch("loss", loss);
    g.fetch("gradient", grad(loss, {y})[0]);
    plan = std::make_unique<Plan>(g, slots, CompileOptions{.threads = 1, .verify = true});
  }
  double operator()(const std::vector<float>& x, const std::vector<float>& y) {
    std::ranges::copy(x, plan->feed("x").begin());
    std::ranges::copy(y, plan->feed("y").begin());
    plan->run();
    return plan->scalar("loss");
  }
};

TEST(Spectral, IsTheFourierSumWrittenOut) {
  Traced loss;
  const std::vector<float> x = chirp(2, 1), y = chirp(2.5, 0.7);
  EXPECT_NEAR(loss(x, y), by_hand(x, y), 2e-4 * by_hand(x, y));
  EXPECT_NEAR(loss(x, x), 0, 1e-5);
  EXPECT_GT(loss(x, chirp(2, 0.5)), 0.5) << "half as loud";
}

TEST(Spectral, TheGradientGoesDownhill) {
  Traced loss;
  const std::vector<float> x = chirp(2, 1);
  std::vector<float> y = chirp(2.5, 0.7);
  const double before = loss(x, y);
  const auto gradient = loss.plan->fetch("gradient");
  double square = 0;
  for (const float v : gradient) square += static_cast<double>(v) * v;
  ASSERT_GT(square, 0);
  const double step = 1e-3 / std::sqrt(square);
  for (size_t i = 0; i < y.size(); ++i) y[i] -= static_cast<float>(step * gradient[i]);
  const double fall = before - loss(x, y), promised = step * square;
  EXPECT_NEAR(fall, promised, 0.2 * promised);
}

TEST(Spectral, FewSamplesAreRefused) {
  Graph g;
  const Expr x = g.feed("x", {1, 100});
  EXPECT_THROW(models::spectral_loss(x, x), UsageError);
}

TEST(Spectral, IsAPartOfTheAutoencodersLoss) {
  Graph g;
  const Autoencoder net{{.inputs = 512, .hidden = {8}, .latent = 2, .spectral = 0.5}};
  const Loss loss = net.loss(Scope(g, true), {.x = g.feed("x", {4, 512})});
  ASSERT_EQ(loss.parts.size(), 2u);
  EXPECT_EQ(loss.parts[1].first, "spectral");
}

}  // namespace
}  // namespace latent
