// The noise against Random123's known answers, against double arithmetic on the same words, and
// against the normal and uniform distributions, on every instruction set.
#include "kernels/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>
#include <vector>

#include "kernels/test_targets.h"

namespace latent::kernels {
namespace {

using Rows = void (*)(const NoiseKey&, const int32_t*, size_t, float*, size_t);

std::vector<float> drawn(Rows fill, const NoiseKey& key, uint32_t row, size_t cols) {
  std::vector<float> values(cols);
  const auto id = static_cast<int32_t>(row);
  fill(key, &id, 1, values.data(), cols);
  return values;
}

/// Element i of a row, in double from the words of its block.
double exact_normal(const NoiseKey& key, uint32_t row, size_t i) {
  const uint32_t counter[4] = {row, static_cast<uint32_t>(i / 4), key.iteration, key.step};
  uint32_t w[4];
  philox(counter, key.key, w);
  const size_t pair = i % 4 / 2 * 2;
  const double u1 = (w[pair] + 1.0) * 0x1p-32;
  const double angle = 2 * std::acos(-1.0) * (w[pair + 1] * 0x1p-32);
  return std::sqrt(-2 * std::log(u1)) * (i % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

TEST(Random, KnownAnswersOfPhilox) {
  struct Case {
    uint32_t counter[4], key[2], expected[4];
  };
  // Random123's kat_vectors, philox4x32 with 10 rounds.
  const Case cases[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const Case& c : cases) {
    uint32_t out[4];
    philox(c.counter, c.key, out);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(out[i], c.expected[i]) << i;
  }
}

// Uniforms show 24 bits of every word, so this compares the vector Philox with the scalar one.
TEST(Random, UniformsAreTheUpperBitsOfTheWords) {
  for_each_target([] {
    for (const uint32_t row : {0u, 1u, 0xffffffffu}) {
      const NoiseKey key = noise_key(42, 7, 3, 0xfffffff0u);
      const std::vector<float> values = drawn(uniform_rows, key, row, 1003);
      for (size_t i = 0; i < values.size(); ++i) {
        const uint32_t counter[4] = {row, static_cast<uint32_t>(i / 4), key.iteration, key.step};
        uint32_t words[4];
        philox(counter, key.key, words);
        ASSERT_EQ(values[i], static_cast<float>(words[i % 4] >> 8) * 0x1p-24f) << i;
      }
    }
  });
}

TEST(Random, NormalsMatchDouble) {
  const NoiseKey key = noise_key(1, 2, 0, 9);
  constexpr size_t kCols = 200000;
  std::vector<double> exact(kCols);
  for (size_t i = 0; i < kCols; ++i) exact[i] = exact_normal(key, 5, i);
  for_each_target([&] {
    const std::vector<float> values = drawn(normal_rows, key, 5, kCols);
    double worst = 0;
    for (size_t i = 0; i < kCols; ++i) worst = std::max(worst, std::abs(values[i] - exact[i]));
    EXPECT_LE(worst, 1e-6);
  });
}

TEST(Random, ShorterRowsArePrefixesAndNothingElseIsWritten) {
  constexpr float kSentinel = -99.0f;
  const NoiseKey key = noise_key(3, 4, 1, 2);
  for_each_target([&] {
    for (const Rows fill : {&normal_rows, &uniform_rows}) {
      const std::vector<float> whole = drawn(fill, key, 11, 300);
      for (size_t cols = 0; cols <= 140; ++cols) {
        std::vector<float> framed(cols + 4, kSentinel);
        const int32_t row = 11;
        fill(key, &row, 1, framed.data() + 1, cols);
        EXPECT_EQ(framed[0], kSentinel);
        for (size_t i = 0; i < 3; ++i) EXPECT_EQ(framed[1 + cols + i], kSentinel);
        for (size_t i = 0; i < cols; ++i) ASSERT_EQ(framed[1 + i], whole[i]) << cols << " " << i;
      }
    }
  });
}

/// The probability that Kolmogorov's distance of n samples is at least `distance`.
double kolmogorov_p(double distance, size_t n) {
  const double root = std::sqrt(static_cast<double>(n));
  const double t = (root + 0.12 + 0.11 / root) * distance;
  double p = 0;
  for (int k = 1; k <= 100; ++k) p += (k % 2 ? 2 : -2) * std::exp(-2.0 * k * k * t * t);
  return std::clamp(p, 0.0, 1.0);
}

template <class Cdf>
double test_p(std::vector<float> values, Cdf&& cdf) {
  std::sort(values.begin(), values.end());
  const double n = static_cast<double>(values.size());
  double distance = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double expected = cdf(values[i]), rank = static_cast<double>(i);
    distance = std::max({distance, expected - rank / n, (rank + 1) / n - expected});
  }
  return kolmogorov_p(distance, values.size());
}

/// 400 rows of 503 elements, as a batch draws them.
std::vector<float> batch(Rows fill) {
  std::vector<float> values;
  for (uint32_t row = 0; row < 400; ++row) {
    const std::vector<float> one = drawn(fill, noise_key(2024, 5, 0, 1), row, 503);
    values.insert(values.end(), one.begin(), one.end());
  }
  return values;
}

TEST(Random, RowsTogetherAreRowsApart) {
  for_each_target([] {
    const std::vector<int32_t> ids = {7, 3, 3, 100, -1, 0, 12, 5, 9};
    const NoiseKey key = noise_key(1, 2, 3, 4);
    for (const size_t cols : {1, 3, 4, 20, 21, 36, 130}) {
      std::vector<float> all(ids.size() * cols);
      normal_rows(key, ids.data(), ids.size(), all.data(), cols);
      for (size_t r = 0; r < ids.size(); ++r) {
        const std::vector<float> one = drawn(normal_rows, key, static_cast<uint32_t>(ids[r]), cols);
        EXPECT_TRUE(
            std::equal(one.begin(), one.end(), all.begin() + static_cast<ptrdiff_t>(r * cols)))
            << cols;
      }
    }
  });
}

TEST(Random, NormalsAreNormal) {
  for_each_target([] {
    const std::vector<float> values = batch(normal_rows);
    const double n = static_cast<double>(values.size());
    double moment[5] = {};
    for (const double x : values) {
      for (int k = 1; k <= 4; ++k) moment[k] += std::pow(x, k) / n;
    }
    // Five standard errors of each moment; Var(x^k) of a standard normal is 1, 2, 15, 96.
    EXPECT_NEAR(moment[1], 0, 5 * std::sqrt(1 / n));
    EXPECT_NEAR(moment[2], 1, 5 * std::sqrt(2 / n));
    EXPECT_NEAR(moment[3], 0, 5 * std::sqrt(15 / n));
    EXPECT_NEAR(moment[4], 3, 5 * std::sqrt(96 / n));
    EXPECT_GT(test_p(values, [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }), 1e-4);
    double neighbours = 0;
    for (size_t i = 0; i + 1 < values.size(); ++i) neighbours += values[i] * values[i + 1] / n;
    EXPECT_NEAR(neighbours, 0, 5 / std::sqrt(n));
  });
}

TEST(Random, UniformsAreUniform) {
  for_each_target([] {
    const std::vector<float> values = batch(uniform_rows);
    EXPECT_GE(*std::min_element(values.begin(), values.end()), 0.0f);
    EXPECT_LT(*std::max_element(values.begin(), values.end()), 1.0f);
    EXPECT_GT(test_p(values, [](double x) { return x; }), 1e-4);
  });
}

TEST(Random, EveryPartOfTheCounterAndKeyMatters) {
  std::set<std::tuple<float, float>> seen;
  const auto draw = [&](uint64_t seed, uint64_t stream, uint32_t iteration, uint32_t step,
                        uint32_t row) {
    const std::vector<float> x =
        drawn(normal_rows, noise_key(seed, stream, iteration, step), row, 4);
    seen.insert({x[0], x[3]});
  };
  draw(1, 2, 3, 4, 5);
  EXPECT_EQ(seen.size(), 1u);
  draw(1, 2, 3, 4, 5);
  EXPECT_EQ(seen.size(), 1u) << "the same counter and key gave other noise";
  draw(2, 1, 3, 4, 5), draw(9, 2, 3, 4, 5), draw(1, 9, 3, 4, 5), draw(1, 2, 9, 4, 5);
  draw(1, 2, 3, 9, 5), draw(1, 2, 3, 4, 9), draw(1, 2, 4, 3, 5), draw(1, 2, 5, 4, 3);
  draw(1 + (uint64_t{1} << 32), 2, 3, 4, 5), draw(1, 2 + (uint64_t{1} << 32), 3, 4, 5);
  EXPECT_EQ(seen.size(), 11u);
}

}  // namespace
}  // namespace latent::kernels
