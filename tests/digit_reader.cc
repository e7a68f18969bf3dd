// digit_reader MODEL [COUNT [SEED]]: do samples of a model of the digits look like digits? A
// classifier (64-128-10, softmax) is trained on 1,500 of the embedded digits, says how well it
// reads the other 297, and then how many of COUNT draws from the model's prior it reads with a
// probability of 0.9 or more.
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "data/dataset.h"
#include "data/loader.h"
#include "latent/latent.h"

namespace latent {
namespace {

constexpr int64_t kPixels = 64, kClasses = 10, kBatch = 50, kEpochs = 60;
constexpr float kMost = 16;  // value of a white pixel

Expr logits_of(const Scope& s, Expr x) {
  return dense(s / "out", relu(dense(s / "hidden", x, 128)), kClasses);
}

struct Digits {
  std::vector<float> x;        // [n, 64] in [0, 1]
  std::vector<int32_t> label;  // [n]
};

Digits digits_of(const Dataset& data, std::span<const int32_t> rows) {
  Digits d{std::vector<float>(rows.size() * kPixels), std::vector<int32_t>(rows.size())};
  data.gather("x", rows, d.x.data(), 1 / kMost);
  std::vector<float> labels(rows.size());
  data.gather("label", rows, labels.data());
  std::ranges::transform(labels, d.label.begin(), [](float v) { return static_cast<int32_t>(v); });
  return d;
}

void train_reader(Slots& weights, const Dataset& data, const std::vector<int32_t>& rows) {
  Graph g;
  const Scope s(g, true);
  const Expr x = g.feed("x", {kBatch, kPixels}), label = g.feed("label", {kBatch}, DType::i32);
  const Expr loss = mean(categorical_nll(logits_of(s, x), label));
  minimize(g, loss, Adam{.rate = 2e-3, .decay = 1e-3});
  g.fetch("loss", loss);
  Plan plan(g, weights);
  Loader loader(rows, kBatch, /*seed=*/1);
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    for (int64_t i = 0; i < loader.batches(); ++i) {
      const Digits d = digits_of(data, loader.batch(epoch, i));
      std::ranges::copy(d.x, plan.feed("x").begin());
      std::ranges::copy(d.label, plan.feed<int32_t>("label").begin());
      plan.run();
    }
  }
}

/// Probabilities [n, 10] of pictures [n, 64].
std::vector<float> read(Slots& weights, std::span<const float> x) {
  Graph g;
  const int64_t n = std::ssize(x) / kPixels;
  g.fetch("p", softmax(logits_of(Scope(g, false), g.feed("x", {n, kPixels}))));
  Plan plan(g, weights);
  std::ranges::copy(x, plan.feed("x").begin());
  plan.run();
  const auto p = plan.fetch("p");
  return {p.begin(), p.end()};
}

int run(const std::string& path, int64_t count, uint64_t seed) {
  const Data data = Data::open("digits");
  const Split rows = split(data.size(), 297.0 / 1797, uint64_t{7});
  Slots weights(1);
  train_reader(weights, data.dataset(), rows.train);
  const Digits held = digits_of(data.dataset(), rows.validation);
  const std::vector<float> known = read(weights, held.x);
  int right = 0, sure_held = 0;
  for (size_t i = 0; i < held.label.size(); ++i) {
    const auto p = std::span(known).subspan(i * kClasses, kClasses);
    right += std::ranges::max_element(p) - p.begin() == held.label[i];
    sure_held += std::ranges::max(p) >= 0.9f;
  }
  std::vector<float> samples = load(path).sample(count, seed);
  for (float& v : samples) v /= kMost;
  const std::vector<float> p = read(weights, samples);
  int sure = 0;
  std::vector<int> of_class(kClasses);
  for (int64_t i = 0; i < count; ++i) {
    const auto row = std::span(p).subspan(static_cast<size_t>(i * kClasses), kClasses);
    const auto best = std::ranges::max_element(row);
    if (*best < 0.9f) continue;
    ++sure;
    ++of_class[static_cast<size_t>(best - row.begin())];
  }
  fmt::print("the reader is right on {:.1f} % of {} held-out digits, sure of {:.1f} %\n",
             100.0 * right / static_cast<double>(held.label.size()), held.label.size(),
             100.0 * sure_held / static_cast<double>(held.label.size()));
  fmt::print("sure of {:.1f} % of {} samples; of each digit {}\n",
             100.0 * sure / static_cast<double>(count), count, fmt::join(of_class, " "));
  return 0;
}

}  // namespace
}  // namespace latent

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  return latent::run(argv[1], argc > 2 ? std::atoll(argv[2]) : 1000,
                     argc > 3 ? static_cast<uint64_t>(std::atoll(argv[3])) : 1);
}
