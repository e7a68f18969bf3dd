// Drawing from a model: codes from the prior, rows from the likelihood.
#include "latent/model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "latent/train.h"

namespace latent {
namespace {

constexpr int64_t kMany = 4000;

std::vector<float> noise_rows() {
  std::vector<float> rows(300 * 3);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(i * 7919 % 201) / 10 - 10;
  return rows;
}

Model trained(const std::string& likelihood) {
  return train(Vae{{.hidden = {8}, .latent = 2, .likelihood = likelihood}},
               Data::rows(noise_rows(), {3}),
               {.epochs = 2, .batch = 50, .validation = 0, .scaling = "standardize", .threads = 1});
}

double mean_square(std::span<const float> values) {
  double sum = 0;
  for (const float v : values) sum += static_cast<double>(v) * static_cast<double>(v);
  return sum / static_cast<double>(values.size());
}

bool starts_with(std::span<const float> all, std::span<const float> start) {
  return std::equal(start.begin(), start.end(), all.begin());
}

TEST(ModelDraws, ThePriorIsNormalAndScalesWithTheTemperature) {
  const Model m = trained("gaussian_fixed");
  const std::vector<float> z = m.prior(kMany, 3), cool = m.prior(kMany, 3, 0.5);
  ASSERT_EQ(z.size(), static_cast<size_t>(2 * kMany));
  // Of 8000 squares of normals the mean deviates by sqrt(2 / 8000): five of these.
  EXPECT_NEAR(mean_square(z), 1, 5 * std::sqrt(2.0 / 8000));
  for (size_t i = 0; i < z.size(); ++i) ASSERT_EQ(cool[i], 0.5f * z[i]);
  EXPECT_TRUE(starts_with(z, m.prior(7, 3)));
  EXPECT_NE(z, m.prior(kMany, 4));
  EXPECT_EQ(m.sample(9, 3), m.decode(m.prior(9, 3)));
  EXPECT_THROW(m.prior(3, 1, -1), UsageError);
  EXPECT_THROW(m.prior(-1), UsageError);
}

TEST(ModelDraws, RowsHaveTheNoiseOfTheLikelihoodInUnitsOfTheData) {
  const Model m = trained("gaussian_fixed");
  const std::vector<float> z(static_cast<size_t>(2 * kMany), 0.25f);
  const std::vector<float> mean = m.decode(z);
  std::vector<float> x = m.draw(z, 5);
  EXPECT_TRUE(starts_with(x, m.draw(std::span(z).first(2 * 300), 5)));
  EXPECT_EQ(x, m.draw(z, 5));
  EXPECT_NE(x, m.draw(z, 6));
  // sigma is 1 in model space.
  m.scale(x);
  std::vector<float> centre = mean;
  m.scale(centre);
  for (size_t i = 0; i < x.size(); ++i) x[i] -= centre[i];
  EXPECT_NEAR(mean_square(x), 1, 5 * std::sqrt(2.0 / static_cast<double>(x.size())));
}

TEST(ModelDraws, WhatCannotBeDrawnIsSaid) {
  EXPECT_THROW(trained("gaussian_optimal").draw(std::vector<float>(2)), UsageError);
  EXPECT_THROW(trained("gaussian_fixed").draw(std::vector<float>(3)), UsageError);
  const Model ae = train(Autoencoder{{.hidden = {8}, .latent = 2}}, Data::rows(noise_rows(), {3}),
                         {.epochs = 1, .batch = 50, .validation = 0, .threads = 1});
  EXPECT_THROW(ae.prior(1), UsageError);
  EXPECT_EQ(ae.draw(std::vector<float>(4)).size(), 6u);  // squared_error is a Gaussian
}

}  // namespace
}  // namespace latent
