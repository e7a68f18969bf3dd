// The reference autoencoder: dense 100-32(relu)-100 encoder, the same decoder, mean squared error,
// Adam, 1000 rows, batch 32, 100 epochs. Encoder, Decoder and Autoencoder stand apart, as in the
// listing that circulates for it.
#include <cstdio>
#include <random>

#include "latent/latent.h"

using namespace latent;

struct Encoder {
  Expr operator()(const Scope& s, Expr x) const {
    return dense(s / "out", relu(dense(s / "hidden", x, 32)), 100);
  }
};
struct Decoder {
  Expr operator()(const Scope& s, Expr z) const {
    return dense(s / "out", relu(dense(s / "hidden", z, 32)), 100);
  }
};
struct SeedAutoencoder {
  Encoder encode;
  Decoder decode;
  Expr loss(const Scope& s, Expr x) const {
    return mean(square(decode(s / "decoder", encode(s / "encoder", x)) - x));
  }
};

int main() {
  std::vector<float> data(1000 * 100);
  std::mt19937 random(0);
  for (float& v : data) v = std::uniform_real_distribution<float>()(random);

  Slots slots;  // the weights and Adam's moments
  PlanFamily step(slots, [](Graph& g, int64_t rows) {
    const Expr loss = SeedAutoencoder{}.loss(Scope(g, true), g.feed("x", {rows, 100}));
    minimize(g, loss, Adam{.rate = 1e-3});
    g.fetch("loss", loss);
  });
  double first = 0, last = 0;
  for (int epoch = 0; epoch < 100; ++epoch) {
    double total = 0;
    for (int64_t at = 0; at < 1000; at += 32) {
      const int64_t rows = std::min<int64_t>(32, 1000 - at);
      Plan& plan = step.at(rows);
      std::copy_n(data.begin() + at * 100, rows * 100, plan.feed("x").begin());
      plan.run();
      total += plan.scalar("loss") * static_cast<double>(rows) / 1000;
    }
    (epoch ? last : first) = total;
  }
  std::printf("mean squared error: %.4f after one epoch, %.4f after 100\n", first, last);
  return last < 0.08 && last < first ? 0 : 1;
}
