// The autoencoder and the VAE against closed forms: entropies, tied weights, free bits, warm-up.
#include "latent/models.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "latent/ops.h"
#include "latent/optim.h"
#include "latent/plan.h"

namespace latent {
namespace {

double entropy_of(const std::string& activation, const std::vector<float>& values, int64_t rows) {
  Graph g;
  const int64_t units = std::ssize(values) / rows;
  g.fetch("h", code_entropy(activation, g.feed("a", {rows, units})));
  Slots slots;
  Plan plan(g, slots, {.threads = 1});
  plan.feed("a", std::span<const float>(values));
  plan.run();
  return plan.scalar("h");
}

TEST(CodeEntropy, OfBitsAndClasses) {
  const double p = 1 / (1 + std::exp(-1.5)), bit = -p * std::log(p) - (1 - p) * std::log(1 - p);
  EXPECT_NEAR(entropy_of("sigmoid", {1.5f, 0, 0, -1.5f}, 2), bit + std::log(2), 1e-6);
  EXPECT_NEAR(entropy_of("softmax", {1, 1, 1, 1}, 1), std::log(4), 1e-6);
  // Far from 0 the entropy vanishes; nothing becomes NaN.
  EXPECT_NEAR(entropy_of("sigmoid", {90, -90}, 1), 0, 1e-6);
  EXPECT_NEAR(entropy_of("softmax", {200, 0, 0}, 1), 0, 1e-6);
}

TEST(CodeEntropy, OfAGaussian) {
  // 20,000 draws of N(3, 0.7^2) and N(0, 2^2): 1/2 ln(2 pi e var) each; its standard error is
  // 1 / sqrt(2 n) a unit.
  Tensor draws({40000});
  normal_init(0, 1).fill(draws, 5, 6);
  std::vector<float> values;
  double exact = 0;
  for (const float v : draws.span<float>())
    values.push_back(values.size() % 2 ? 2 * v : 3 + 0.7f * v);
  for (const double sigma : {0.7, 2.0}) exact += 0.5 * std::log(2 * M_PI * M_E * sigma * sigma);
  EXPECT_NEAR(entropy_of("none", values, 20000), exact, 4 * std::sqrt(2.0 / 40000));
}

/// What is left of the code's entropy after training with the weight, in evaluation.
double trained_entropy(const std::string& activation, double weight) {
  const Autoencoder ae{
      {.inputs = 6, .hidden = {8}, .latent = 3, .code_activation = activation, .entropy = weight}};
  Slots slots(3);
  Graph g;
  const Loss loss = ae.loss(Scope(g, true), {.x = g.feed("x", {64, 6})});
  minimize(g, loss.total, Adam{.rate = 3e-3});
  // At weight 0 the loss has no such part: measured apart.
  const Expr code = ae.encode(Scope(g, true), g.feed("again", {64, 6}));
  if (activation == "none") g.fetch("h", code_entropy("none", code));
  if (activation == "sigmoid") g.fetch("h", code_entropy("sigmoid", log(code) - log(1 - code)));
  Plan plan(g, slots, {.threads = 1});
  Tensor x({64, 6});
  uniform_init(0, 1).fill(x, 1, 2);
  plan.feed("x", std::span<const float>(x.span<float>()));
  plan.feed("again", std::span<const float>(x.span<float>()));
  for (int i = 0; i < 400; ++i) plan.run();
  return plan.scalar("h");
}

TEST(CodeEntropy, FallsWithItsWeight) {
  for (const char* activation : {"none", "sigmoid"}) {
    double before = 1e9;
    for (const double weight : {-1e-2, -1e-3, 0.0, 1e-3, 1e-2}) {
      const double h = trained_entropy(activation, weight);
      EXPECT_LT(h, before) << activation << " at " << weight;
      before = h;
    }
  }
}

std::set<std::string> slots_of(const Autoencoder& ae) {
  Graph g;
  ae.loss(Scope(g, true), {.x = g.feed("x", {4, ae.c.inputs})});
  std::set<std::string> names;
  for (const Expr& e : g.slots("")) names.insert(g.name_of(e));
  return names;
}

TEST(Autoencoder, TiedDecoderHasBiasesOnly) {
  const Autoencoder ae{{.inputs = 7, .hidden = {5, 4}, .latent = 3, .tied = true}};
  EXPECT_EQ(slots_of(ae),
            (std::set<std::string>{"encoder/0/weight", "encoder/0/bias", "encoder/1/weight",
                                   "encoder/1/bias", "encoder/code/weight", "encoder/code/bias",
                                   "decoder/0/bias", "decoder/1/bias", "decoder/out/bias"}));
}

TEST(Autoencoder, WeightDecayIsHalfTheSquaresOfWeights) {
  const Autoencoder ae{{.inputs = 5, .hidden = {4}, .latent = 2, .weight_decay = 0.3}};
  Graph g;
  const Loss loss = ae.loss(Scope(g, true), {.x = g.feed("x", {4, 5})});
  g.fetch("total", loss.total);
  for (const auto& [name, part] : loss.parts) g.fetch(name, part);
  Slots slots(2);
  Plan plan(g, slots, {.threads = 1});
  plan.run();
  double squares = 0;
  for (const auto& [name, t] : slots.tensors()) {
    if (!name.ends_with("/weight")) continue;
    for (const float w : t.span<float>()) squares += static_cast<double>(w) * w;
  }
  EXPECT_NEAR(plan.scalar("weight_decay"), squares, 1e-4 * squares);
  EXPECT_NEAR(plan.scalar("total"), plan.scalar("reconstruction") + 0.15 * squares, 1e-4 * squares);
}

TEST(Autoencoder, CrossEntropyDecodesToProbabilities) {
  const Autoencoder ae{{.inputs = 5, .hidden = {}, .latent = 2, .loss = "cross-entropy"}};
  Graph g;
  g.fetch("mean", ae.decode_mean(Scope(g, false), g.feed("z", {3, 2})));
  Slots slots;
  Plan plan(g, slots, {.threads = 1});
  for (float& v : plan.feed("z")) v = 30;
  plan.run();
  for (const float v : plan.fetch("mean")) EXPECT_TRUE(v >= 0 && v <= 1) << v;
}

TEST(Vae, FreeBitsHoldEachUnitAndPassNoGradientBelow) {
  const double lambda = 0.7;
  const Vae vae{
      {.inputs = 6, .hidden = {}, .latent = 4, .likelihood = "squared_error", .free_bits = lambda}};
  Graph g;
  const Loss loss = vae.loss(Scope(g, true), {.x = g.feed("x", {8, 6})});
  const Expr counted = loss.total - loss.parts[0].second;
  g.fetch("counted", counted);
  g.fetch("kl", loss.parts[1].second);
  for (const Expr& w : g.slots("encoder/mean")) {
    const std::string name = g.name_of(w);
    g.fetch(name.ends_with("bias") ? "bias_gradient" : "weight_gradient", grad(counted, {w})[0]);
  }
  Slots slots;
  Plan plan(g, slots, {.threads = 1});
  for (const char* head : {"mean", "logvar"}) {
    const std::string scope = std::string("encoder/") + head;
    for (float& v : slots.at(scope + "/weight").span<float>()) v = 0;
    for (float& v : slots.at(scope + "/bias").span<float>()) v = 0;
  }
  // Means 0, 0.1, 1, 3 with variance 1: KL mean^2 / 2 = 0, 0.005, 0.5, 4.5 nats.
  const std::vector<float> means = {0, 0.1f, 1, 3};
  std::ranges::copy(means, slots.at("encoder/mean/bias").span<float>().begin());
  plan.run();
  EXPECT_NEAR(plan.scalar("kl"), 5.005, 1e-4);  // the true one
  EXPECT_NEAR(plan.scalar("counted"), 3 * lambda + 4.5, 1e-4);
  const auto gradient = plan.fetch("bias_gradient");
  for (int unit = 0; unit < 3; ++unit) EXPECT_EQ(gradient[static_cast<size_t>(unit)], 0) << unit;
  EXPECT_NEAR(gradient[3], 3, 1e-5);
}

// Units behind batch norms and concatenations are large in a few places: scales made of them by
// random weights cost 1e9 nats a value to start with.
TEST(Vae, PresetsStartNearAFlatLikelihood) {
  for (const char* preset : {"resnet", "densenet"}) {
    for (const char* likelihood : {"discretized_logistic", "discretized_logistic_mixture"}) {
      Vae vae{{.inputs = 16 * 16 * 3, .latent = 8, .likelihood = likelihood}};
      vae.c.hidden.clear();
      vae.c.encoder = preset;
      vae.c.picture = {16, 16, 3};
      Graph g;
      g.fetch("nll", vae.loss(Scope(g, true), {.x = g.feed("x", {8, 768})}).parts[0].second);
      Slots slots(1);
      Plan plan(g, slots, {.threads = 1});
      auto x = plan.feed("x");
      for (size_t i = 0; i < x.size(); ++i)
        x[i] = 0.5f + 0.5f * std::sin(0.01f * static_cast<float>(i));
      plan.run();
      EXPECT_LT(plan.scalar("nll") / 768, 9) << preset << " " << likelihood;  // flat: ln 256 = 5.5
    }
  }
}

TEST(VaeGan, ADiscriminatorOfPicturesIsTheEncodersStack) {
  const VaeGan gan{{.inputs = 256,
                    .hidden = {},
                    .latent = 3,
                    .encoder = "dcgan",
                    .width = 4,
                    .depth = 2,
                    .picture = {16, 16}}};
  Graph g;
  gan.loss(Scope(g, true), {.x = g.feed("x", {4, 256})});
  const auto shapes = [&](const std::string& scope) {
    std::vector<Shape> all;
    for (int i = 0; i < 4; ++i) {
      for (const Expr& slot : g.slots(scope + "/" + std::to_string(i))) all.push_back(slot.shape());
    }
    return all;
  };
  EXPECT_EQ(shapes("discriminator"), shapes("encoder"));
  EXPECT_EQ(shapes("discriminator").front(), (Shape{5, 5, 1, 4}));
}

TEST(Vae, WarmUpWeights) {
  Vae vae{{.warmup_steps = 400}};
  EXPECT_EQ(vae.warmup(0), 0);
  EXPECT_EQ(vae.warmup(100), 0.25);
  EXPECT_EQ(vae.warmup(400), 1);
  EXPECT_EQ(vae.warmup(100000), 1);
  vae.c.warmup_shape = "cyclical";  // ramp 1/2: half of all steps are at weight 1
  int full = 0;
  for (int64_t t = 0; t < 1600; ++t) full += vae.warmup(t) == 1;
  EXPECT_EQ(full, 800);
  EXPECT_EQ(vae.warmup(400), 0);
  EXPECT_EQ(vae.warmup(500), vae.warmup(100));
  vae.c.warmup_shape = "logistic";  // 5000: k = .0025 and x0 = 2500 of timbmg/Sentence-VAE
  vae.c.warmup_steps = 5000;
  EXPECT_NEAR(vae.warmup(0), 0.0019267346633275, 1e-12);
  EXPECT_EQ(vae.warmup(2500), 0.5);
  EXPECT_EQ(vae.warmup(5000), 1);
  vae.c.warmup_shape = "cyclic";
  EXPECT_THROW(vae.warmup(1), UsageError);
  EXPECT_EQ(Vae{}.warmup(0), 1);
}

TEST(Vae, WarmUpAndBetaShapeTrainingOnly) {
  const Vae vae{{.inputs = 6,
                 .hidden = {},
                 .latent = 2,
                 .likelihood = "squared_error",
                 .beta = 4,
                 .warmup_steps = 10}};
  for (const bool training : {true, false}) {
    Graph g;
    const Loss loss = vae.loss(Scope(g, training), {.x = g.feed("x", {8, 6})});
    g.fetch("total", loss.total);
    for (const auto& [name, part] : loss.parts) g.fetch(name, part);
    Slots slots;
    slots.counter("step") = 5;
    Plan plan(g, slots, {.threads = 1});
    for (float& v : plan.feed("x")) v = 2;
    plan.run();
    const double weight = training ? 4 * 0.5 : 1;
    EXPECT_GT(plan.scalar("kl"), 0.1);
    EXPECT_NEAR(plan.scalar("total"), plan.scalar("reconstruction") + weight * plan.scalar("kl"),
                1e-4);
  }
}

}  // namespace
}  // namespace latent
