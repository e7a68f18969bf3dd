// Rows through encoders and decoders: which numbers of a likelihood stand where, that a place of a
// code is one of the picture's, and that a table of layers names the parameters that there are.
#include "models/coder.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "latent/models.h"
#include "latent/plan.h"

namespace latent {
namespace {

std::vector<float> noise(size_t count, uint64_t seed) {
  Tensor t({static_cast<int64_t>(count)});
  normal_init(0, 1).fill(t, seed, 1);
  return {t.span<float>().begin(), t.span<float>().end()};
}

TEST(Coder, DenseLayersAsStacks) {
  EXPECT_EQ(models::dense_text({40, 20}, "relu"), "dense 40; relu; dense 20; relu");
  EXPECT_EQ(models::dense_mirror({40, 20}, "relu"), "dense 20; relu; dense 40; relu; out");
  EXPECT_EQ(models::dense_text({40, 20}, "none"), "dense 40; dense 20");
  EXPECT_EQ(models::dense_text({}, "relu"), "");
  EXPECT_EQ(models::dense_mirror({}, "relu"), "out");
}

// Logarithms of scales are the second block of a row, not every second number of a pixel: at the
// start they are 0 whatever the code.
TEST(Coder, DecodersGiveAllMeansThenAllScales) {
  Graph g;
  g.fetch("p", models::decode_rows(Scope(g, false) / "decoder", g.feed("z", {3, 5}),
                                   "dense 8; relu; picture 2x2x2; conv 4 3; relu; out", {2, 2, 3},
                                   gaussian_learned()));
  Slots slots(1);
  Plan plan(g, slots, {.threads = 1});
  plan.feed("z", std::span<const float>(noise(15, 2)));
  plan.run();
  const auto p = plan.fetch("p");
  ASSERT_EQ(p.size(), 3u * 24);
  for (size_t i = 0; i < p.size(); ++i) EXPECT_EQ(p[i] == 0, i % 24 >= 12) << i;
}

TEST(Coder, APlaceOfACodeSeesItsPlaceOfThePicture) {
  const VqVae::Config c{.inputs = 12, .latent = 3, .encoder = "conv 4 1; relu", .picture = {3, 4}};
  EXPECT_EQ(models::code_grid(c), (Shape{3, 4}));
  Graph g;
  const Scope s(g, false);
  const Expr e = models::encode_places(s / "encoder", c, g.feed("x", {2, 12}));
  EXPECT_EQ(e.shape(), (Shape{2, 12, 3}));
  g.fetch("e", e);
  const Expr y = models::decode_places(s / "decoder", c, g.feed("v", {2, 12, 3}), bernoulli());
  EXPECT_EQ(y.shape(), (Shape{2, 12}));
  g.fetch("y", y);
  Slots slots(1);
  Plan plan(g, slots, {.threads = 1});
  std::vector<float> x = noise(24, 2), v = noise(72, 3);
  const auto run = [&] {
    plan.feed("x", std::span<const float>(x));
    plan.feed("v", std::span<const float>(v));
    plan.run();
    std::vector<float> all(plan.fetch("e").begin(), plan.fetch("e").end());
    all.insert(all.end(), plan.fetch("y").begin(), plan.fetch("y").end());
    return all;
  };
  const std::vector<float> before = run();
  x[12 + 7] += 1, v[3 * 5] += 1;  // place 7 of row 1; place 5 of row 0
  const std::vector<float> after = run();
  std::set<size_t> encoded, decoded;
  for (size_t i = 0; i < before.size(); ++i) {
    if (before[i] == after[i]) continue;
    i < 72 ? encoded.insert(i / 3) : decoded.insert(i - 72);
  }
  EXPECT_EQ(encoded, (std::set<size_t>{12 + 7}));
  EXPECT_EQ(decoded, (std::set<size_t>{5}));
}

TEST(Coder, DenseLayersGiveThePlacesOfARow) {
  const VqVae::Config c{.inputs = 6, .hidden = {5}, .latent = 3, .places = 4};
  EXPECT_EQ(models::code_grid(c), (Shape{1, 4}));
  Graph g;
  const Scope s(g, false);
  EXPECT_EQ(models::encode_places(s / "encoder", c, g.feed("x", {2, 6})).shape(), (Shape{2, 4, 3}));
  EXPECT_EQ(
      models::decode_places(s / "decoder", c, g.feed("v", {2, 4, 3}), gaussian_learned()).shape(),
      (Shape{2, 12}));
}

/// That each line of the table that has parameters tells how many are there under its scopes.
template <class M>
void expect_named(const M& model) {
  const Architecture a = architecture(model, 64);
  Graph g;
  a.loss(Scope(g, true), {.x = g.feed("x", {2, 64})});
  for (const LayerInfo& l : a.layers) {
    if (l.parameters == 0) continue;
    // "encoder/mean, logvar" are two of one parent.
    const size_t slash = l.scope.rfind('/');
    std::istringstream names(l.scope.substr(slash + 1));
    int64_t there = 0;
    for (std::string name; std::getline(names >> std::ws, name, ',');) {
      for (const Expr& slot : g.slots(l.scope.substr(0, slash + 1) + name))
        there += slot.shape().elements();
    }
    EXPECT_EQ(there, l.parameters) << a.name << ": " << l.scope;
  }
}

TEST(Coder, TablesNameTheParametersThatThereAre) {
  expect_named(Autoencoder{{.hidden = {9, 7, 5}}});
  expect_named(Vae{{.hidden = {9, 7}, .activation = "none"}});
  expect_named(Vae{{.encoder = "conv 4 3 s2; relu; dense 9", .picture = {8, 8}}});
  expect_named(VqVae{{.hidden = {9, 7}, .quantizers = 2, .prior_depth = 1}});
  expect_named(VqVae{{.prior_depth = 1, .encoder = "conv 4 3 s2; relu", .picture = {8, 8}}});
  expect_named(Dcgan{{.hidden = {9, 7}, .discriminator = {6, 3}}});
}

}  // namespace
}  // namespace latent
