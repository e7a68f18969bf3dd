// The reference autoencoder, part by part as in the listing that circulates for it: an Encoder, a
// Decoder, an Autoencoder of the two, compiled with Adam and the mean squared error, fitted to 1000
// rows of 100 uniform values in 100 epochs of batches of 32.
#include <cstdio>
#include <random>

#include "latent/latent.h"

using latent::Expr, latent::Scope;

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

struct Autoencoder {
  Encoder encoder;
  Decoder decoder;

  Expr encode(const Scope& s, Expr x) const { return encoder(s / "encoder", x); }
  Expr decode(const Scope& s, Expr z) const { return decoder(s / "decoder", z); }
  Expr loss(const Scope& s, Expr x) const { return mean(square(decode(s, encode(s, x)) - x)); }
};

int main() {
  std::vector<float> rows(1000 * 100);
  std::mt19937 random(0);
  for (float& v : rows) v = std::uniform_real_distribution<float>()(random);

  latent::TrainOptions options{.epochs = 100, .batch = 32, .validation = 0, .threads = 1};
  double first = 0, last = 0;
  options.progress = [&](const latent::TrainEvent& e) {
    if (e.kind != latent::TrainEvent::Kind::epoch) return;
    (e.epoch == 1 ? first : last) = e.training[0].second;
  };
  const latent::Model model = train(Autoencoder{}, latent::Data::rows(rows, {100}), options);
  std::printf("mean squared error: %.4f after one epoch, %.4f after 100\n", first, last);

  const std::vector<float> code = model.encode({rows.data(), 100});
  const std::vector<float> back = model.decode(code);
  std::printf("row 0: %.3f %.3f %.3f.. came back as %.3f %.3f %.3f..\n", rows[0], rows[1], rows[2],
              back[0], back[1], back[2]);
  return last < 0.08 && last < first ? 0 : 1;
}
