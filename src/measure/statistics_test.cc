// Units in use, information, units of measure and spreads against closed forms.
#include "measure/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "measure/test_models.h"

namespace latent::measure {
namespace {

TEST(Units, VarianceAndKlOfEachUnit) {
  // Unit 0 varies; unit 1 is N(0.5, e^0.2) for every row; unit 2 is the prior.
  const Codes codes{3, {-1, 0.5f, 0, 1, 0.5f, 0}, {0, 0.2f, 0, 0, 0.2f, 0}};
  const auto units = unit_statistics(codes);
  EXPECT_EQ(units[0].mean_variance, 1);
  EXPECT_NEAR(units[0].kl, 0.5, 1e-12);
  EXPECT_EQ(units[1].mean_variance, 0);
  EXPECT_NEAR(units[1].kl, 0.13570137908008495, 1e-8);  // pitfall 1; 0.2 is a float here
  EXPECT_EQ(units[2].kl, 0);
  EXPECT_EQ(active_units(units), 1);
  EXPECT_EQ(active_units(unit_statistics({1, {0.1f, -0.1f, 0.11f, -0.11f}, {}})), 1)
      << "just above 0.01";
  EXPECT_EQ(active_units(unit_statistics({1, {0.1f, -0.1f, 0.09f, -0.09f}, {}})), 0);
}

TEST(Units, PiecesGiveWhatTheWholeGives) {
  Codes codes{3, test_noise(300, 1, true), test_noise(300, 2, true)};
  for (size_t i = 0; i < codes.mean.size(); i += 3) codes.mean[i] += 1e4f;  // far from 0
  UnitSums sums(3), plain(3);
  for (const size_t at : {0, 30, 33}) {  // 10 rows, 1 row, 89 rows
    const size_t n = at == 0 ? 30 : at == 30 ? 3 : 267;
    sums.add(std::span(codes.mean).subspan(at, n), std::span(codes.logvar).subspan(at, n));
    plain.add(std::span(codes.mean).subspan(at, n), {});
  }
  const auto whole = unit_statistics(codes), pieces = sums.statistics();
  for (size_t j = 0; j < 3; ++j) {
    EXPECT_NEAR(pieces[j].mean, whole[j].mean, 1e-9);
    EXPECT_NEAR(pieces[j].mean_variance, whole[j].mean_variance, 1e-9);
    EXPECT_NEAR(pieces[j].kl, whole[j].kl, 1e-9 * (1 + whole[j].kl));
    EXPECT_EQ(plain.statistics()[j].kl, 0);
  }
}

TEST(MutualInformation, OfCodesFarApartIsTheLogOfTheirNumber) {
  Codes codes{1, {}, {}};
  for (int i = 0; i < 50; ++i) {
    codes.mean.push_back(static_cast<float>(i));
    codes.logvar.push_back(std::log(1e-6f));
  }
  EXPECT_NEAR(mutual_information(codes, codes.mean), std::log(50.0), 0.6) << "draws at the means";
  std::vector<float> draws = test_noise(50, 1, true);
  for (size_t i = 0; i < 50; ++i) draws[i] = codes.mean[i] + 1e-3f * draws[i];
  EXPECT_NEAR(mutual_information(codes, draws), std::log(50.0), 0.3);
}

TEST(MutualInformation, OfACollapsedCodeIsZero) {
  const Codes codes{2, std::vector<float>(200, 0.f), std::vector<float>(200, 0.f)};
  EXPECT_NEAR(mutual_information(codes, test_noise(200, 1, true)), 0, 1e-6);
}

// x ~ N(0, 9/2), q(z|x) = p(z|x): I(x; z) = 1/2 ln(var x / noise) = 1/2 ln 9.
TEST(MutualInformation, OfTheLinearGaussian) {
  std::vector<float> x = test_noise(1500, 2, true);
  for (float& v : x) v *= std::sqrt(4.5f);
  Evaluator e(linear_gaussian(), Slots());
  const RowSource rows = rows_from(x, 1);
  EXPECT_NEAR(mutual_information(e.codes(rows), e.draws(rows)), 0.5 * std::log(9), 0.08);
}

TEST(BitsPerDimension, PublishedValues) {  // pitfall 8
  EXPECT_NEAR(bits_per_dimension({86.76}, 784).value, 0.15965334406572254, 1e-12);
  EXPECT_EQ(bits_per_dimension({0}, 3072, 8).value, 8) << "the uniform density on [0, 1)";
}

// Bits of a step are of the data, not of the rows' chance.
TEST(BitsPerDimension, TheErrorIsThatOfTheNats) {
  const Estimate bits = bits_per_dimension({.value = 100, .error = 5}, 10, 8);
  EXPECT_NEAR(bits.error, 5 / (10 * std::log(2)), 1e-12);
}

TEST(BitsPerDimension, TheScalingSetsTheStep) {
  EXPECT_EQ(quantization_bits({.scale = {1 / 256.}, .shift = {0}}, "gaussian"), 8);
  EXPECT_EQ(quantization_bits({.scale = {0.25, 1}, .shift = {0, 0}}, "gaussian"), 1);
  EXPECT_EQ(quantization_bits({.scale = {1 / 255.}, .shift = {0}}, "discretized_logistic"), 0);
  EXPECT_EQ(quantization_bits({.scale = {1 / 255.}, .shift = {0}}, "bernoulli"), 0);
}

TEST(EffectiveBeta, OfObjectivesInUse) {                             // pitfall 9
  EXPECT_NEAR(effective_beta(1.0 / 12288, 0.00025), 1.536, 1e-12);   // PyTorch-VAE
  EXPECT_NEAR(effective_beta(1.0 / 3072, 0.1 / 256), 0.6, 1e-12);    // lightning-bolts
  EXPECT_NEAR(effective_beta(1 / (2 * 0.3 * 0.3), 1), 0.09, 1e-12);  // beta = sigma^2
  EXPECT_EQ(effective_beta(0.5, 1), 1);
}

TEST(Spreads, EigenvalueAndMeanVariance) {
  // Rows +-3 e_1, +-2 (e_2 + e_3) / sqrt 2 about (5, 5, 5): variances 9/2 and 4/2 along them.
  const float r = std::sqrt(2.f);
  const std::vector<float> rows = {8, 5, 5, 2, 5, 5, 5, 5 + r, 5 + r, 5, 5 - r, 5 - r};
  EXPECT_NEAR(largest_eigenvalue(rows, 3), 4.5, 1e-3);
  EXPECT_NEAR(mean_variance(rows, 3), 6.5 / 3, 1e-6);
  EXPECT_EQ(largest_eigenvalue(std::vector<float>(12, 1.f), 3), 0);
  EXPECT_EQ(mean_variance(std::vector<float>(12, 1.f), 3), 0);
}

}  // namespace
}  // namespace latent::measure
