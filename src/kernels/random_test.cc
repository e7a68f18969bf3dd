// Philox against the known answers of Random123, and the draws against what they should be
// distributed as.
#include "kernels/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace latent::kernels {
namespace {

TEST(Random, PhiloxKnownAnswers) {
  struct Answer {
    uint32_t counter[4], key[2], out[4];
  };
  const Answer answers[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const Answer& a : answers) {
    uint32_t out[4];
    philox(a.counter, a.key, out);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(out[i], a.out[i]);
  }
}

TEST(Random, RowsAreFunctionsOfTheirCounters) {
  const NoiseKey key = noise_key(1, 2, 0, 3);
  std::vector<float> row(101), shorter(50), other(101);
  normal_row(key, 9, row.data(), row.size());
  normal_row(key, 9, shorter.data(), shorter.size());
  EXPECT_TRUE(std::equal(shorter.begin(), shorter.end(), row.begin()));
  for (const NoiseKey& k : {noise_key(2, 2, 0, 3), noise_key(1, 3, 0, 3), noise_key(1, 2, 1, 3),
                            noise_key(1, 2, 0, 4)}) {
    normal_row(k, 9, other.data(), other.size());
    EXPECT_NE(other, row);
  }
  normal_row(key, 10, other.data(), other.size());
  EXPECT_NE(other, row);
}

TEST(Random, WordsBecomeNormalsByBoxMuller) {
  const NoiseKey key = noise_key(5, 6, 7, 8);
  std::vector<float> row(64);
  normal_row(key, 3, row.data(), row.size());
  for (uint32_t block = 0; block < 16; ++block) {
    const uint32_t counter[4] = {3, block, key.iteration, key.step};
    uint32_t w[4];
    philox(counter, key.key, w);
    for (int pair = 0; pair < 2; ++pair) {
      const double r = std::sqrt(-2 * std::log((w[2 * pair] + 1.0) * 0x1p-32)),
                   turn = 2 * M_PI * (w[2 * pair + 1] * 0x1p-32);
      EXPECT_NEAR(static_cast<double>(row[block * 4 + static_cast<size_t>(2 * pair)]),
                  r * std::cos(turn), 2e-6);
      EXPECT_NEAR(static_cast<double>(row[block * 4 + static_cast<size_t>(2 * pair) + 1]),
                  r * std::sin(turn), 2e-6);
    }
  }
}

/// Largest distance of the empirical distribution from the given one, times sqrt(n): above 2.23 has
/// p < 1e-4.
double kolmogorov(std::vector<float> v, double (*cdf)(double)) {
  std::sort(v.begin(), v.end());
  double worst = 0;
  const auto n = static_cast<double>(v.size());
  for (size_t i = 0; i < v.size(); ++i) {
    const double p = cdf(static_cast<double>(v[i]));
    worst = std::max({worst, std::abs(p - static_cast<double>(i) / n),
                      std::abs(p - static_cast<double>(i + 1) / n)});
  }
  return worst * std::sqrt(n);
}

TEST(Random, Distributions) {
  std::vector<float> normals(200000), uniforms(200000);
  const NoiseKey key = noise_key(11, 12, 0, 0);
  normal_row(key, 0, normals.data(), normals.size());
  uniform_row(key, 1, uniforms.data(), uniforms.size());
  EXPECT_LT(kolmogorov(normals, [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2)); }), 2.23);
  EXPECT_LT(kolmogorov(uniforms, [](double x) { return x; }), 2.23);
  EXPECT_LT(*std::max_element(uniforms.begin(), uniforms.end()), 1.f);
}

}  // namespace
}  // namespace latent::kernels
