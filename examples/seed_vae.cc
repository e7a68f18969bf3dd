// The reference VAE: 100 inputs, hidden 32, z 20. The listing that circulates for it draws z
// without the encoder and has neither mu, logvar nor KL; here the encoder gives mu and logvar, z =
// mu + exp(logvar / 2) * eps, and the KL divergence to the prior is part of the loss. On
// independent uniform noise its optimum is to collapse: KL 0 and loss 100 / 12 = 8.33.
#include <cstdio>
#include <random>

#include "latent/latent.h"

using namespace latent;

struct SeedVae {
  Gaussian encode(const Scope& s, Expr x) const {
    const Expr h = relu(dense(s / "hidden", x, 32));
    return {dense(s / "mean", h, 20), dense(s / "logvar", h, 20)};
  }
  Expr decode(const Scope& s, Expr z) const {
    return dense(s / "out", relu(dense(s / "hidden", z, 32)), 100);
  }
};

int main() {
  std::vector<float> data(1000 * 100);
  std::mt19937 random(0);
  for (float& v : data) v = std::uniform_real_distribution<float>()(random);

  Slots slots;
  PlanFamily step(slots, [](Graph& g, int64_t rows) {
    const Scope s(g, true);
    const SeedVae vae;
    const Expr x = g.feed("x", {rows, 100});
    const Gaussian posterior = vae.encode(s / "encoder", x);
    const Expr z = posterior.sample(s / "noise");
    const Expr reconstruction = mean(sum(square(vae.decode(s / "decoder", z) - x), {1}));
    const Expr kl = mean(posterior.kl_standard());
    minimize(g, reconstruction + kl, Adam{.rate = 1e-3});
    g.fetch("reconstruction", reconstruction);
    g.fetch("kl", kl);
  });
  double reconstruction = 0, kl = 0;
  for (int epoch = 0; epoch < 100; ++epoch) {
    reconstruction = kl = 0;
    for (int64_t at = 0; at < 1000; at += 32) {
      const int64_t rows = std::min<int64_t>(32, 1000 - at);
      Plan& plan = step.at(rows);
      std::copy_n(data.begin() + at * 100, rows * 100, plan.feed("x").begin());
      plan.run();
      reconstruction += plan.scalar("reconstruction") * static_cast<double>(rows) / 1000;
      kl += plan.scalar("kl") * static_cast<double>(rows) / 1000;
    }
  }
  std::printf("loss %.3f = reconstruction %.3f + kl %.3f\n", reconstruction + kl, reconstruction,
              kl);
  return kl < 0.05 && reconstruction > 8.18 && reconstruction < 8.48 ? 0 : 1;
}
