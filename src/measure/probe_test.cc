// Probes on rows whose best classifier is known.
#include "measure/probe.h"

#include <gtest/gtest.h>

#include "measure/test_models.h"

namespace latent::measure {
namespace {

struct Set {
  std::vector<float> features;
  std::vector<int32_t> classes;
  Labelled view() const { return {2, features, classes}; }
};

/// Three normals of deviation 1 at the corners of a triangle of side `apart`.
Set corners(size_t n, float apart, uint64_t seed) {
  Set s{test_noise(2 * n, seed, true), {}};
  for (size_t i = 0; i < n; ++i) {
    const auto c = static_cast<int32_t>(i % 3);
    s.classes.push_back(c);
    s.features[2 * i] += apart * (c == 1 ? 1.f : c == 2 ? 0.5f : 0.f);
    s.features[2 * i + 1] += apart * (c == 2 ? 0.866f : 0.f);
  }
  return s;
}

TEST(Probe, FindsClassesThatAreApartAndNoneThatAreNot) {
  const Set train = corners(600, 10, 1), test = corners(300, 10, 2);
  const ProbeResult apart = probe(train.view(), test.view());
  EXPECT_EQ(apart.linear.value, 1);
  EXPECT_EQ(apart.neighbors.value, 1);
  const Set same = corners(600, 0, 1), again = corners(300, 0, 2);
  const ProbeResult chance = probe(same.view(), again.view());
  EXPECT_NEAR(chance.linear.value, 1.0 / 3, 0.1);
  EXPECT_NEAR(chance.neighbors.value, 1.0 / 3, 0.1);
  EXPECT_NEAR(chance.linear.error, std::sqrt(chance.linear.value * (1 - chance.linear.value) / 300),
              1e-3);
}

TEST(Probe, ALineCannotTellARingFromItsMiddleButNeighborsCan) {
  Set train{test_noise(800, 3, true), {}}, test{test_noise(400, 4, true), {}};
  for (Set* s : {&train, &test}) {
    for (size_t i = 0; i < s->features.size(); i += 2) {
      const float a = s->features[i], b = s->features[i + 1];
      s->classes.push_back(a * a + b * b > 1.39f ? 1 : 0);  // half of them
    }
  }
  const ProbeResult r = probe(train.view(), test.view());
  EXPECT_LT(r.linear.value, 0.65);
  EXPECT_GT(r.neighbors.value, 0.9);
}

TEST(Probe, TiesGoToTheNearestAndWrongShapesAreRefused) {
  Set train{{0, 0, 3, 0, 100, 0, 101, 0}, {1, 0, 0, 1}}, test{{1, 0}, {1}};
  EXPECT_EQ(probe(train.view(), test.view(), {.neighbors = 2}).neighbors.value, 1);
  EXPECT_EQ(probe(train.view(), test.view(), {.neighbors = 3}).neighbors.value, 0);
  const Set one{{0, 0, 1, 1}, {2, 2}};
  EXPECT_THROW(probe(one.view(), test.view()), UsageError);
  EXPECT_THROW(probe({3, train.features, train.classes}, test.view()), UsageError);
}

}  // namespace
}  // namespace latent::measure
