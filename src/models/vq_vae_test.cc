// The VQ-VAE's step against one computed by hand, codes that start again, and its prior against
// sums over all codes.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "latent/models.h"
#include "latent/ops.h"
#include "latent/plan.h"
#include "models/code_prior.h"

namespace latent {
namespace {

void put(Slots& slots, const std::string& name, const std::vector<float>& values) {
  std::ranges::copy(values, slots.at(name).span<float>().begin());
}
std::vector<float> values_of(const Slots& slots, const std::string& name) {
  const auto v = slots.at(name).span<float>();
  return {v.begin(), v.end()};
}
void expect_near(std::span<const float> found, const std::vector<double>& wanted,
                 const char* what) {
  ASSERT_EQ(found.size(), wanted.size()) << what;
  for (size_t i = 0; i < wanted.size(); ++i)
    EXPECT_NEAR(static_cast<double>(found[i]), wanted[i], 1e-5) << what << " at " << i;
}

// Two values a row, one place, two codes; the encoder is the identity, so that e = x.
const std::vector<float> kRows = {0.2f, 0.1f, 0.9f, 1.3f, 0.8f, 0.6f, -0.1f, 0.1f};
VqVae small() {
  return VqVae{{.inputs = 2,
                .hidden = {},
                .latent = 2,
                .codes = 2,
                .places = 1,
                .likelihood = "squared_error",
                .commitment = 0.5,
                .decay = 0.9,
                .revive = 0,
                .prior_depth = 0}};
}

TEST(VqVae, GradientsAndTheCodebookAreThoseOfAHandComputation) {
  Graph g;
  const Loss loss = small().loss(Scope(g, true), {.x = g.feed("x", {4, 2})});
  for (const auto& [name, part] : loss.parts) g.fetch(name, part);
  g.fetch("total", loss.total);
  for (const Expr& slot : g.slots("encoder/code")) {
    if (g.name_of(slot).ends_with("bias")) g.fetch("to_encoder", grad(loss.total, {slot})[0]);
  }
  for (const Expr& slot : g.slots("decoder/out")) {
    if (g.name_of(slot).ends_with("bias")) g.fetch("to_decoder", grad(loss.total, {slot})[0]);
  }
  Slots slots;
  Plan plan(g, slots, {.threads = 1});
  const std::array<double, 4> w = {2, 0.5, -1, 1};
  put(slots, "encoder/code/weight", {1, 0, 0, 1});
  put(slots, "decoder/out/weight", {2, 0.5, -1, 1});
  put(slots, "codebook/vectors", {0, 0, 1, 1});
  put(slots, "codebook/counts", {2, 2});
  plan.feed("x", std::span<const float>(kRows));
  plan.run();

  // Rows 0 and 3 are nearest to (0, 0), rows 1 and 2 to (1, 1).
  const std::array<double, 4> code = {0, 1, 1, 0};
  double reconstruction = 0, distance = 0;
  std::vector<double> to_encoder(2), to_decoder(2);
  for (size_t i = 0; i < 4; ++i) {
    const double x[2] = {static_cast<double>(kRows[2 * i]), static_cast<double>(kRows[2 * i + 1])};
    const double q = code[i];  // both values
    const double miss[2] = {q * (w[0] + w[2]) - x[0], q * (w[1] + w[3]) - x[1]};
    for (size_t j = 0; j < 2; ++j) {
      reconstruction += miss[j] * miss[j] / 4;
      distance += (x[j] - q) * (x[j] - q) / 4;
      to_decoder[j] += 2 * miss[j] / 4;
      // Straight through: what q gets, and half of the pull to the code.
      to_encoder[j] +=
          2 * (miss[0] * w[2 * j] + miss[1] * w[2 * j + 1]) / 4 + 0.5 * 2 * (x[j] - q) / 4;
    }
  }
  EXPECT_NEAR(plan.scalar("reconstruction"), reconstruction, 1e-5);
  EXPECT_NEAR(plan.scalar("distance"), distance, 1e-5);
  EXPECT_NEAR(plan.scalar("kl"), std::log(2), 1e-6) << "two classes, of which nothing is known yet";
  EXPECT_NEAR(plan.scalar("total"), reconstruction + std::log(2) + 0.5 * distance, 1e-5);
  EXPECT_NEAR(plan.scalar("perplexity"), 2, 1e-5);
  expect_near(plan.fetch("to_encoder"), to_encoder, "encoder's bias");
  expect_near(plan.fetch("to_decoder"), to_decoder, "decoder's bias");
  // counts: 0.9 * 2 + 0.1 * 2; vectors: (0.9 * 2 v + 0.1 sum of x) / count.
  expect_near(values_of(slots, "codebook/counts"), {2, 2}, "counts");
  expect_near(values_of(slots, "codebook/vectors"),
              {0.1 * 0.1 / 2, 0.1 * 0.2 / 2, (1.8 + 0.17) / 2, (1.8 + 0.19) / 2}, "vectors");
}

/// The book after steps on kRows, from nothing.
std::vector<float> book_after(int steps, VqVae::Config c, uint64_t seed) {
  Graph g;
  VqVae{c}.loss(Scope(g, true), {.x = g.feed("x", {4, 2})});
  Slots slots(seed);
  Plan plan(g, slots, {.threads = 1});
  put(slots, "encoder/code/weight", {1, 0, 0, 1});
  plan.feed("x", std::span<const float>(kRows));
  for (int i = 0; i < steps; ++i) plan.run();
  return values_of(slots, "codebook/vectors");
}

TEST(VqVae, DeadCodesBecomeVectorsOfTheStepAndTheSameOnesInTwoRuns) {
  VqVae::Config c = small().c;
  c.codes = 3;
  c.decay = 0.999;  // of a step of four vectors no code gets enough: all are dead
  c.revive = 0.1;
  const std::vector<float> book = book_after(1, c, 5);
  for (size_t k = 0; k < 3; ++k) {
    bool found = false;
    for (size_t i = 0; i < 4; ++i)
      found = found || (book[2 * k] == kRows[2 * i] && book[2 * k + 1] == kRows[2 * i + 1]);
    EXPECT_TRUE(found) << "code " << k << " is (" << book[2 * k] << ", " << book[2 * k + 1] << ")";
  }
  EXPECT_EQ(book_after(9, c, 5), book_after(9, c, 5));
  c.revive = 0;  // those that nobody chooses stay where they are: they do not drift to 0
  c.codes = 64;
  const std::vector<float> before = book_after(0, c, 5), after = book_after(50, c, 5);
  size_t stayed = 0;
  for (size_t i = 0; i < before.size(); i += 2) stayed += before[i] == after[i];
  EXPECT_GE(stayed, 60u);
}

TEST(VqVae, EncodeGivesVectorsOfTheBook) {
  const VqVae model{{.inputs = 6, .hidden = {5}, .latent = 3, .codes = 4, .places = 2}};
  Graph g;
  const Scope s(g, false);
  g.fetch("z", model.encode(s, g.feed("x", {9, 6})));
  Slots slots(3);
  Plan plan(g, slots, {.threads = 1});
  Tensor x({9, 6});
  normal_init(0, 2).fill(x, 1, 2);
  plan.feed("x", std::span<const float>(x.span<float>()));
  plan.run();
  const auto z = plan.fetch("z");
  ASSERT_EQ(z.size(), 9u * 6);
  const std::vector<float> book = values_of(slots, "codebook/vectors");
  for (size_t at = 0; at < z.size(); at += 3) {
    bool found = false;
    for (size_t k = 0; k < book.size(); k += 3)
      found = found || std::equal(z.begin() + static_cast<ptrdiff_t>(at),
                                  z.begin() + static_cast<ptrdiff_t>(at + 3),
                                  book.begin() + static_cast<ptrdiff_t>(k));
    EXPECT_TRUE(found) << "at " << at;
  }
}

TEST(VqVae, TheTableOfLayersHoldsEveryParameter) {
  for (const VqVae& model :
       {VqVae{{.hidden = {5}, .latent = 3, .codes = 4, .places = 2, .prior_units = 6}},
        VqVae{{.hidden = {5}, .latent = 3, .codes = 4, .places = 2, .prior_depth = 0}},
        VqVae{{.latent = 3, .codes = 7, .encoder = "conv 4 3 s2; relu", .picture = {8, 8}}}}) {
    const Architecture a = architecture(model, 64);
    Graph g;
    a.loss(Scope(g, true), {.x = g.feed("x", {2, 64})});
    int64_t listed = 0, there = 0;
    for (const LayerInfo& l : a.layers) listed += l.parameters;
    for (const Expr& slot : g.slots("")) {
      if (g.name_of(slot) != "codebook/counts") there += slot.shape().elements();
    }
    EXPECT_EQ(listed, there);
  }
}

// Training may damage what the encoder sees (TrainOptions::corrupt): the code follows that, the
// reconstruction is compared with the row.
TEST(VqVae, EncodesWhatTrainingLetsItSee) {
  Graph g;
  const Expr x = g.feed("x", {4, 2}), seen = g.feed("seen", {4, 2});
  const Loss loss = small().loss(Scope(g, true), {.x = x, .seen = seen});
  for (const auto& [name, part] : loss.parts) g.fetch(name, part);
  Slots slots;
  Plan plan(g, slots, {.threads = 1});
  put(slots, "encoder/code/weight", {1, 0, 0, 1});
  put(slots, "decoder/out/weight", {1, 0, 0, 1});
  put(slots, "codebook/vectors", {0, 0, 1, 1});
  put(slots, "codebook/counts", {2, 2});
  std::ranges::fill(plan.feed("x"), 3.0f);
  std::ranges::fill(plan.feed("seen"), 1.0f);
  plan.run();
  EXPECT_EQ(plan.scalar("distance"), 0) << "what is seen is a vector of the book";
  EXPECT_EQ(plan.scalar("reconstruction"), 8) << "3 is asked for, 1 comes back, twice";
}

TEST(VqVae, AnEncoderWithoutAPictureIsRefused) {
  const VqVae model{{.inputs = 64, .encoder = "conv 8 3 s2; relu; dense 9", .picture = {8, 8}}};
  try {
    architecture(model, 64);
    ADD_FAILURE() << "nothing was refused";
  } catch (const UsageError& e) {
    EXPECT_NE(std::string(e.what()).find("end it before"), std::string::npos) << e.what();
  }
}

// Of a prior with random weights over 2 x 2 places of 3 classes.
const models::CodePrior kPrior{2, 2, 3, 8, 2};

std::vector<int32_t> all_codes() {  // 81 rows of 4
  std::vector<int32_t> k;
  for (int code = 0; code < 81; ++code) {
    for (int place = 0, rest = code; place < 4; ++place, rest /= 3) k.push_back(rest % 3);
  }
  return k;
}

void stir(Slots& slots) {  // biases start at 0, which would hide mistakes
  for (const auto& [name, t] : slots.tensors()) {
    Tensor noise(t.shape());
    normal_init(0, 0.7).fill(noise, 11, std::hash<std::string>{}(name));
    put(slots, name, {noise.span<float>().begin(), noise.span<float>().end()});
  }
}

TEST(CodePrior, ProbabilitiesOfAllCodesAddTo1AndDrawsFollowThem) {
  Graph g;
  const Scope s(g, false);
  const std::vector<int32_t> codes = all_codes();
  g.fetch("nll", kPrior.nll(s, g.feed("k", {81, 4}, DType::i32)));
  constexpr int64_t kDraws = 8192;
  g.fetch("drawn", kPrior.draw(s, kDraws, g.feed("t", {kDraws, 1})));
  Slots slots(1);
  Plan plan(g, slots, {.threads = 1});
  stir(slots);
  plan.feed<int32_t>("k", codes);
  std::ranges::fill(plan.feed("t"), 1.0f);
  plan.run();
  double total = 0;
  std::map<std::vector<int>, double> expected;
  for (size_t i = 0; i < 81; ++i) {
    const double p = std::exp(-static_cast<double>(plan.fetch("nll")[i]));
    total += p;
    expected[{codes.begin() + static_cast<ptrdiff_t>(4 * i),
              codes.begin() + static_cast<ptrdiff_t>(4 * i + 4)}] = p;
  }
  EXPECT_NEAR(total, 1, 1e-5);
  std::map<std::vector<int>, int> counts;
  const auto drawn = plan.fetch("drawn");
  for (size_t i = 0; i < static_cast<size_t>(kDraws); ++i) {
    std::vector<int> k;
    for (size_t place = 0; place < 4; ++place) k.push_back(static_cast<int>(drawn[4 * i + place]));
    ++counts[k];
  }
  for (const auto& [k, p] : expected) {
    const double share = counts[k] / static_cast<double>(kDraws);
    EXPECT_NEAR(share, p, 5 * std::sqrt(p * (1 - p) / kDraws) + 1e-4);
  }
  // At temperature 0 all rows are the likeliest class of each place.
  std::ranges::fill(plan.feed("t"), 0.0f);
  plan.run();
  for (size_t i = 4; i < drawn.size(); ++i)
    EXPECT_EQ(plan.fetch("drawn")[i], plan.fetch("drawn")[i % 4]);
}

TEST(CodePrior, APlaceKnowsThoseBeforeItAndNoOther) {
  const models::CodePrior prior{3, 4, 5, 8, 2};
  Graph g;
  g.fetch("logits", prior.logits(Scope(g, false), g.feed("k", {1, 12}, DType::i32)));
  Slots slots(1);
  Plan plan(g, slots, {.threads = 1});
  stir(slots);
  const auto run = [&](size_t changed, int32_t value) {
    std::vector<int32_t> k(12, 2);
    k[changed] = value;
    plan.feed<int32_t>("k", k);
    plan.run();
    const auto v = plan.fetch("logits");
    return std::vector<float>(v.begin(), v.end());
  };
  std::vector<std::vector<bool>> reaches(12, std::vector<bool>(12));
  for (size_t at = 0; at < 12; ++at) {
    const std::vector<float> a = run(at, 2), b = run(at, 4);
    for (size_t place = 0; place < 12; ++place)
      reaches[at][place] = !std::equal(a.begin() + static_cast<ptrdiff_t>(5 * place),
                                       a.begin() + static_cast<ptrdiff_t>(5 * place + 5),
                                       b.begin() + static_cast<ptrdiff_t>(5 * place));
    for (size_t place = 0; place <= at; ++place)
      EXPECT_FALSE(reaches[at][place]) << at << " reaches " << place;
    const auto reached = [&](size_t place) { return place >= 12 || reaches[at][place]; };
    EXPECT_TRUE(at % 4 == 3 || reached(at + 1)) << "left of " << at + 1;
    EXPECT_TRUE(reached(at + 4)) << "above " << at + 4;
    EXPECT_TRUE(at % 4 == 0 || reached(at + 3)) << "above, right of " << at + 3;
  }
}

}  // namespace
}  // namespace latent
