// A GRU language model of the size of a text VAE's decoder: what the VAE's likelihood is held
// against (docs/text.md). It is the very decoder, its code held at 0, trained on the same rows and
// validated on the same held-out rows as `latent train` of the same settings and seed; so a VAE
// that does better knows something by its code, and its bound is at most so much worse as the code
// costs.
//   language_model [FILE [WINDOW [UNITS [EPOCHS [RATE [THREADS]]]]]]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "latent/latent.h"

using latent::Batch, latent::Expr, latent::Loss, latent::Scope, latent::TextVae;

struct LanguageModel {
  TextVae vae;

  Loss loss(const Scope& s, const Batch& batch) const {
    const Expr code = latent::zeros(s.graph(), {batch.x.dim(0), vae.c.latent});
    const Expr nll = mean(vae.nll(s, code, batch.x));
    return {nll, {{"nll", nll}}};
  }
};

/// Rows of a sentence over and over: all but where a row begins in it can be known.
latent::Data repeated() {
  const std::string sentence = "to be or not to be, that is the question. ";
  std::vector<float> rows(256 * 32);
  for (size_t i = 0; i < rows.size(); ++i)
    rows[i] = static_cast<float>(sentence[(i / 32 * 11 + i % 32) % sentence.size()]);
  return latent::Data::rows(rows, {32});
}

int main(int argc, char** argv) {
  const auto number = [&](int i, double otherwise) {
    return argc > i ? std::atof(argv[i]) : otherwise;
  };
  const std::string window = std::to_string(static_cast<int>(number(2, 64)));
  const latent::Data data =
      argc > 1
          ? latent::Data::open(
                argv[1], "",
                {{"content", "text"}, {"unit", "chars"}, {"cut", "windows"}, {"window", window}})
          : repeated();
  const auto units = static_cast<int64_t>(number(3, 32));
  const LanguageModel model{
      {{.inputs = data.row_elements(),
        .vocabulary = static_cast<int64_t>(std::ranges::max(data.values())) + 1,
        .units = units}}};
  latent::TrainOptions options{.epochs = static_cast<int64_t>(number(4, 80)),
                               .batch = 64,
                               .rate = number(5, 1e-2),
                               .schedule = "cosine",
                               .scaling = "none",
                               .threads = static_cast<int>(number(6, 1))};
  double nats = 0;  // of a row held out, after the last epoch
  options.progress = [&](const latent::TrainEvent& e) {
    using Kind = latent::TrainEvent::Kind;
    if (e.kind == Kind::planned)
      std::printf("%lld parameters\n", static_cast<long long>(e.forecast.parameters));
    if (e.kind != Kind::epoch) return;
    nats = e.validation[0].second;
    std::printf("epoch %lld: training %.3f, held out %.3f nats a row, %.4f bits a character\n",
                static_cast<long long>(e.epoch), e.training[0].second, nats,
                nats / static_cast<double>(data.row_elements()) / std::log(2.0));
    std::fflush(stdout);
  };
  train(model, data, options);
  return argc > 1 || nats < 15 ? 0 : 1;
}
