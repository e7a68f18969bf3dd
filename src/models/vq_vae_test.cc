// The VQ-VAE's step against one computed by hand, of one level and of several; names of its
// weights; what codes and the table of layers hold.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "latent/models.h"
#include "latent/ops.h"
#include "latent/plan.h"

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

std::string book_slot(size_t level, const std::string& what) {
  return level == 0 ? "codebook/" + what : "codebook/level" + std::to_string(level) + "/" + what;
}

using Vec = std::array<double, 2>;
double squared_distance(const Vec& a, const Vec& b) {
  return (a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]);
}

/// One step of small() with these books, of two vectors each, and its parts, gradients and moved
/// books against loops in double.
void expect_step(const std::vector<std::array<Vec, 2>>& books, const std::vector<Vec>& counts) {
  VqVae model = small();
  model.c.quantizers = std::ssize(books);
  Graph g;
  const Loss loss = model.loss(Scope(g, true), {.x = g.feed("x", {4, 2})});
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
  const auto f = [](double v) { return static_cast<float>(v); };
  for (size_t level = 0; level < books.size(); ++level) {
    const auto& [first, second] = books[level];
    put(slots, book_slot(level, "vectors"), {f(first[0]), f(first[1]), f(second[0]), f(second[1])});
    put(slots, book_slot(level, "counts"), {f(counts[level][0]), f(counts[level][1])});
  }
  plan.feed("x", std::span<const float>(kRows));
  plan.run();

  double reconstruction = 0, distance = 0, entropies = 0, least = 1;
  std::vector<double> to_encoder(2), to_decoder(2);
  // counts: 0.9 * old + 0.1 * chosen; vectors: (0.9 * old count * v + 0.1 sum of given) / count.
  std::vector<std::array<Vec, 2>> sums = books;
  std::vector<Vec> next = counts;
  for (size_t level = 0; level < books.size(); ++level) {
    for (size_t k = 0; k < 2; ++k) {
      next[level][k] *= 0.9;
      for (double& v : sums[level][k]) v *= next[level][k];
    }
  }
  for (size_t i = 0; i < 4; ++i) {
    const Vec x = {static_cast<double>(kRows[2 * i]), static_cast<double>(kRows[2 * i + 1])};
    Vec given = x, q = {};
    for (size_t level = 0; level < books.size(); ++level) {
      const auto& book = books[level];
      const size_t k = squared_distance(given, book[1]) < squared_distance(given, book[0]);
      distance += squared_distance(given, book[k]) / 4;
      next[level][k] += 0.1;
      for (size_t j = 0; j < 2; ++j) {
        sums[level][k][j] += 0.1 * given[j];
        q[j] += book[k][j];
        given[j] -= book[k][j];
        to_encoder[j] += 0.5 * 2 * given[j] / 4;  // half of the pull to the code
      }
    }
    const Vec miss = {q[0] * w[0] + q[1] * w[2] - x[0], q[0] * w[1] + q[1] * w[3] - x[1]};
    for (size_t j = 0; j < 2; ++j) {
      reconstruction += miss[j] * miss[j] / 4;
      to_decoder[j] += 2 * miss[j] / 4;
      // Straight through: what q gets.
      to_encoder[j] += 2 * (miss[0] * w[2 * j] + miss[1] * w[2 * j + 1]) / 4;
    }
  }
  const auto levels = static_cast<double>(books.size());
  for (size_t level = 0; level < books.size(); ++level) {
    const std::string name = "level " + std::to_string(level);
    std::vector<double> vectors;
    double entropy = 0;
    for (size_t k = 0; k < 2; ++k) {
      for (const double v : sums[level][k]) vectors.push_back(v / next[level][k]);
      const double p = next[level][k] / (next[level][0] + next[level][1]);
      entropy -= p * std::log(p);
    }
    entropies += entropy / levels;
    least = std::min(least, entropy);
    expect_near(values_of(slots, book_slot(level, "counts")), {next[level][0], next[level][1]},
                name.c_str());
    expect_near(values_of(slots, book_slot(level, "vectors")), vectors, name.c_str());
  }
  EXPECT_NEAR(plan.scalar("reconstruction"), reconstruction, 1e-5);
  EXPECT_NEAR(plan.scalar("distance"), distance, 1e-5);
  const double kl = levels * std::log(2);  // two classes, of which nothing is known yet
  EXPECT_NEAR(plan.scalar("kl"), kl, 1e-6);
  EXPECT_NEAR(plan.scalar("total"), reconstruction + kl + 0.5 * distance, 1e-5);
  EXPECT_NEAR(plan.scalar("perplexity"), std::exp(entropies), 1e-5);
  if (books.size() > 1) {
    EXPECT_NEAR(plan.scalar("least_perplexity"), std::exp(least), 1e-5);
  }
  expect_near(plan.fetch("to_encoder"), to_encoder, "encoder's bias");
  expect_near(plan.fetch("to_decoder"), to_decoder, "decoder's bias");
}

TEST(VqVae, GradientsAndTheCodebookAreThoseOfAHandComputation) {
  expect_step({{{{0, 0}, {1, 1}}}}, {{2, 2}});
}

TEST(VqVae, SoAreThoseOfLevelsOfResiduals) {
  expect_step({{{{0, 0}, {1, 1}}}, {{{-0.2, 0.1}, {0.1, -0.1}}}, {{{0, 0.05}, {0.1, 0.2}}}},
              {{2, 2}, {3, 1}, {1, 4}});
}

// The names of weights in files are for ever: those of one level are as they were before there
// were several.
TEST(VqVae, LevelsHaveNamesOfTheirOwnAndTheFirstHasThoseOfOne) {
  const auto names = [](int64_t quantizers) {
    Graph g;
    VqVae model{{.inputs = 6, .hidden = {5}, .latent = 3, .codes = 4, .places = 2}};
    model.c.quantizers = quantizers;
    model.c.prior_depth = 1;
    model.loss(Scope(g, true), {.x = g.feed("x", {2, 6})});
    std::set<std::string> found;
    for (const Expr& slot : g.slots("")) found.insert(g.name_of(slot));
    return found;
  };
  const std::set<std::string> one = {
      "encoder/0/weight",     "encoder/0/bias",     "encoder/code/weight", "encoder/code/bias",
      "codebook/vectors",     "codebook/counts",    "decoder/0/weight",    "decoder/0/bias",
      "decoder/out/weight",   "decoder/out/bias",   "prior/place",         "prior/embedding",
      "prior/0/above/weight", "prior/0/above/bias", "prior/0/left/weight", "prior/0/left/bias",
      "prior/0/join/weight",  "prior/out/weight"};
  EXPECT_EQ(names(1), one);
  std::set<std::string> two = one;
  two.insert({"codebook/level1/vectors", "codebook/level1/counts", "prior/level1/place",
              "prior/level1/embedding", "prior/level1/mix/weight", "prior/level1/mix/bias",
              "prior/level1/out/weight"});
  EXPECT_EQ(names(2), two);
}

TEST(VqVae, EncodeGivesEachLevelsVectorAndDecodeTakesTheirSum) {
  constexpr size_t kLevels = 3, kLatent = 3, kPlaces = 9 * 2;
  const VqVae model{{.inputs = 6,
                     .hidden = {5},
                     .latent = kLatent,
                     .codes = 4,
                     .quantizers = kLevels,
                     .places = 2,
                     .likelihood = "squared_error"}};
  VqVae one = model;  // whose code is the sum
  one.c.quantizers = 1;
  Graph g;
  const Scope s(g, false);
  const Expr x = g.feed("x", {9, 6}), z = model.encode(s, x);
  const Expr sums = sum(reshape(z, {9, 2, kLevels, kLatent}), {2});
  g.fetch("e", model.vectors(s, x));
  g.fetch("z", z);
  g.fetch("decoded", model.decode(s, z));
  g.fetch("of_sums", one.decode(s, reshape(sums, {9, 2 * kLatent})));
  g.fetch("nll", model.prior_nll(s, z));
  g.fetch("kl", model.loss(s, {.x = x}).parts.at(1).second);
  Slots slots(3);
  Plan plan(g, slots, {.threads = 1});
  Tensor values({9, 6});
  normal_init(0, 2).fill(values, 1, 2);
  plan.feed("x", std::span<const float>(values.span<float>()));
  plan.run();
  const auto e = plan.fetch("e"), found = plan.fetch("z");
  ASSERT_EQ(found.size(), kPlaces * kLevels * kLatent);
  for (size_t place = 0; place < kPlaces; ++place) {
    std::vector<double> left(e.begin() + static_cast<ptrdiff_t>(place * kLatent),
                             e.begin() + static_cast<ptrdiff_t>((place + 1) * kLatent));
    for (size_t level = 0; level < kLevels; ++level) {
      const std::vector<float> book = values_of(slots, book_slot(level, "vectors"));
      size_t nearest = 0;
      double least = INFINITY;
      for (size_t k = 0; k < 4; ++k) {
        double d = 0;
        for (size_t j = 0; j < kLatent; ++j)
          d += std::pow(left[j] - static_cast<double>(book[kLatent * k + j]), 2);
        if (d < least) least = d, nearest = k;
      }
      for (size_t j = 0; j < kLatent; ++j) {
        const float v = book[kLatent * nearest + j];
        EXPECT_EQ(found[(place * kLevels + level) * kLatent + j], v) << place << ", " << level;
        left[j] -= static_cast<double>(v);
      }
    }
  }
  for (size_t i = 0; i < plan.fetch("decoded").size(); ++i)
    EXPECT_NEAR(plan.fetch("decoded")[i], plan.fetch("of_sums")[i], 1e-5);
  // The code tells its classes, so that its nll is that of the loss.
  double mean = 0;
  for (const float v : plan.fetch("nll")) mean += static_cast<double>(v) / 9;
  EXPECT_NEAR(mean, plan.scalar("kl"), 1e-5);
}

TEST(VqVae, DrawsAreVectorsOfEachLevelsBook) {
  const VqVae model{
      {.inputs = 6, .hidden = {5}, .latent = 2, .codes = 4, .quantizers = 2, .places = 3}};
  Graph g;
  const Scope s(g, false);
  g.fetch("z", model.prior_draw(s, 50, g.feed("t", {50, 1})));
  Slots slots(3);
  Plan plan(g, slots, {.threads = 1});
  std::ranges::fill(plan.feed("t"), 1.0f);
  plan.run();
  const auto z = plan.fetch("z");
  ASSERT_EQ(z.size(), 50u * 3 * 2 * 2);
  std::array<std::set<size_t>, 2> seen;
  for (size_t at = 0; at < z.size(); at += 2) {
    const size_t level = at / 2 % 2;
    const std::vector<float> book = values_of(slots, book_slot(level, "vectors"));
    for (size_t k = 0; k < 4; ++k) {
      if (z[at] == book[2 * k] && z[at + 1] == book[2 * k + 1]) seen[level].insert(k);
    }
    ASSERT_FALSE(seen[level].empty()) << "at " << at;
  }
  EXPECT_EQ(seen[0].size(), 4u);
  EXPECT_EQ(seen[1].size(), 4u);
}

TEST(VqVae, TheTableOfLayersHoldsEveryParameter) {
  for (const VqVae& model :
       {VqVae{{.hidden = {5}, .latent = 3, .codes = 4, .places = 2, .prior_units = 6}},
        VqVae{{.hidden = {5}, .latent = 3, .codes = 4, .places = 2, .prior_depth = 0}},
        VqVae{{.hidden = {5}, .latent = 3, .codes = 4, .quantizers = 3, .places = 2}},
        VqVae{{.hidden = {},
        .latent = 3,
        .codes = 4,
        .quantizers = 2,
        .places = 2,
        .prior_depth = 0}},
        VqVae{{.latent = 3, .codes = 7, .encoder = "conv 4 3 s2; relu", .picture = {8, 8}}}}) {
    const Architecture a = architecture(model, 64);
    Graph g;
    a.loss(Scope(g, true), {.x = g.feed("x", {2, 64})});
    int64_t listed = 0, there = 0;
    for (const LayerInfo& l : a.layers) listed += l.parameters;
    for (const Expr& slot : g.slots("")) {
      if (!g.name_of(slot).ends_with("/counts")) there += slot.shape().elements();
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

}  // namespace
}  // namespace latent
