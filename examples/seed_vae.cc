// The reference VAE, part by part: 100 inputs, hidden 32, z 20. The encoder gives mu and logvar,
// z = mu + exp(logvar / 2) eps, and the KL divergence to the prior is part of the loss; the listing
// that circulates has none of the three (docs/why-the-listing-is-wrong.md). On independent uniform
// noise the optimum is to collapse: KL 0 and loss 100 / 12 = 8.33.
#include <cstdio>
#include <random>

#include "latent/latent.h"

using latent::Batch, latent::Expr, latent::Gaussian, latent::Loss, latent::Scope;

struct Encoder {
  Gaussian operator()(const Scope& s, Expr x) const {
    const Expr h = relu(dense(s / "hidden", x, 32));
    return {dense(s / "mean", h, 20), dense(s / "logvar", h, 20)};
  }
};

struct Decoder {
  Expr operator()(const Scope& s, Expr z) const {
    return dense(s / "out", relu(dense(s / "hidden", z, 32)), 100);
  }
};

struct Vae {
  Encoder encoder;
  Decoder decoder;

  Gaussian encode(const Scope& s, Expr x) const { return encoder(s / "encoder", x); }
  Expr decode(const Scope& s, Expr z) const { return decoder(s / "decoder", z); }
  Loss loss(const Scope& s, const Batch& batch) const {
    const Gaussian posterior = encode(s, batch.x);
    const Expr z = posterior.sample(s / "noise");
    const Expr reconstruction = mean(sum(square(decode(s, z) - batch.x), {1}));
    const Expr kl = mean(posterior.kl_standard());
    return {reconstruction + kl, {{"reconstruction", reconstruction}, {"kl", kl}}};
  }
};

int main() {
  std::vector<float> rows(1000 * 100);
  std::mt19937 random(0);
  for (float& v : rows) v = std::uniform_real_distribution<float>()(random);

  latent::TrainOptions options{.epochs = 100, .batch = 32, .validation = 0, .threads = 1};
  latent::Parts parts;
  options.progress = [&](const latent::TrainEvent& e) {
    if (e.kind == latent::TrainEvent::Kind::epoch) parts = e.training;
  };
  const latent::Model model = train(Vae{}, latent::Data::rows(rows, {100}), options);
  for (const auto& [name, value] : parts) std::printf("%s %.3f  ", name.c_str(), value);

  const std::vector<float> drawn = model.sample(2);
  std::printf("\na sample: %.3f %.3f %.3f..\n", drawn[0], drawn[1], drawn[2]);
  const double loss = parts[0].second, kl = parts[2].second;
  return kl < 0.05 && loss > 8.18 && loss < 8.48 ? 0 : 1;
}
