// Training against closed forms: a linear autoencoder ends as principal components analysis, a
// linear VAE as probabilistic PCA (Tipping and Bishop 1999; Lucas et al. 2019, arXiv 1911.02469).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "latent/ops.h"
#include "latent/train.h"

namespace latent {
namespace {

using Matrix = std::vector<std::vector<double>>;  // columns

/// Makes columns orthonormal, one after another; twice, for the rounding.
void orthonormalize(Matrix& columns) {
  for (int pass = 0; pass < 2; ++pass) {
    for (size_t i = 0; i < columns.size(); ++i) {
      auto& c = columns[i];
      const auto dot = [&c](const std::vector<double>& o) {
        double s = 0;
        for (size_t r = 0; r < c.size(); ++r) s += c[r] * o[r];
        return s;
      };
      for (size_t k = 0; k < i; ++k) {
        const double s = dot(columns[k]);
        for (size_t r = 0; r < c.size(); ++r) c[r] -= s * columns[k][r];
      }
      const double norm = std::sqrt(dot(c));
      for (double& v : c) v /= norm;
    }
  }
}

Matrix draws(size_t rows, size_t columns, uint64_t seed) {
  Tensor t({static_cast<int64_t>(rows * columns)});
  normal_init(0, 1).fill(t, seed, 1);
  Matrix m(columns, std::vector<double>(rows));
  for (size_t c = 0; c < columns; ++c) {
    for (size_t r = 0; r < rows; ++r) m[c][r] = static_cast<double>(t.span<float>()[c * rows + r]);
  }
  return m;
}

constexpr size_t kRows = 256;

/// Rows whose covariance about their mean of 0 has exactly these eigenvalues, along axes at random.
Data with_spectrum(const std::vector<double>& eigenvalues) {
  const size_t d = eigenvalues.size();
  Matrix u = draws(kRows, d + 1, 11);
  u[0].assign(kRows, 1);  // all others become orthogonal to the constant: their mean is 0
  orthonormalize(u);
  Matrix axes = draws(d, d, 12);
  orthonormalize(axes);
  std::vector<float> x(kRows * d);
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t k = 0; k < d; ++k) {
      double v = 0;
      for (size_t i = 0; i < d; ++i)
        v += std::sqrt(eigenvalues[i] * kRows) * u[i + 1][r] * axes[i][k];
      x[r * d + k] = static_cast<float>(v);
    }
  }
  return Data::rows(x, {static_cast<int64_t>(d)});
}

TrainOptions full_batches(int64_t steps) {
  return {.epochs = steps,
          .batch = kRows,
          .rate = 1e-2,
          .schedule = "cosine",
          .validation = 0,
          .scaling = "none",
          .threads = 1};
}

TEST(Linear, AutoencoderIsPca) {
  const std::vector<double> spectrum = {5, 3, 2, 0.5, 0.3, 0.2, 0.1, 0.05};
  TrainOptions o = full_batches(3000);
  double loss = 0;
  o.progress = [&](const TrainEvent& e) {
    if (e.kind == TrainEvent::Kind::epoch) loss = e.training[0].second;
  };
  train(Autoencoder{{.hidden = {}, .latent = 3}}, with_spectrum(spectrum), o);
  const double pca = (0.5 + 0.3 + 0.2 + 0.1 + 0.05) / 8;  // the mean over all elements
  EXPECT_NEAR(loss, pca, 1e-4 * pca);
}

TEST(Linear, VaeIsProbabilisticPca) {
  // Noise variance 1 (gaussian_fixed): three directions above it are coded, two units collapse.
  const std::vector<double> spectrum = {9, 4, 2, 0.8, 0.5, 0.25};
  const size_t d = spectrum.size(), units = 5;
  const Data data = with_spectrum(spectrum);
  TrainOptions o = full_batches(12000);
  o.average = 0.995;  // of the noise that the draws of z leave in the weights
  const Model m = train(Vae{{.hidden = {}, .latent = 5, .likelihood = "gaussian_fixed"}}, data, o);
  const std::vector<float> x = data.values(), mean = m.encode(x), logvar = m.encode_logvar(x),
                           decoded = m.decode(mean);

  // KL and variance of the means a unit, and the reconstruction in closed form: the decoder is
  // linear, so E |x - W z - b|^2 = |x - W mu - b|^2 + sum of var_j |W_j|^2.
  std::vector<double> kl(units), second(units), first(units), column(units);
  const auto w = m.weights().at("decoder/out/weight").span<float>();
  for (size_t j = 0; j < units; ++j) {
    for (size_t k = 0; k < d; ++k)
      column[j] += static_cast<double>(w[j * d + k]) * static_cast<double>(w[j * d + k]);
  }
  double elbo = 0;
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t k = 0; k < d; ++k) {
      const double e = static_cast<double>(x[r * d + k]) - static_cast<double>(decoded[r * d + k]);
      elbo -= 0.5 * (e * e + std::log(2 * M_PI));
    }
    for (size_t j = 0; j < units; ++j) {
      const auto mu = static_cast<double>(mean[r * units + j]),
                 lv = static_cast<double>(logvar[r * units + j]);
      const double unit = 0.5 * (mu * mu + std::exp(lv) - 1 - lv);
      elbo -= 0.5 * std::exp(lv) * column[j] + unit;
      kl[j] += unit / kRows;
      first[j] += mu / kRows;
      second[j] += mu * mu / kRows;
    }
  }
  elbo /= kRows;
  // The log-likelihood of pPCA: C has eigenvalues 9, 4, 2, 1, 1, 1.
  const double likelihood = -0.5 * (static_cast<double>(d) * std::log(2 * M_PI) +
                                    std::log(9. * 4 * 2) + 3 + 0.8 + 0.5 + 0.25);
  EXPECT_NEAR(elbo, likelihood, 2e-3);
  EXPECT_LE(elbo, likelihood + 1e-4);  // a bound

  std::ranges::sort(kl, std::greater<>());
  for (size_t j = 0; j < 3; ++j) EXPECT_NEAR(kl[j], 0.5 * std::log(spectrum[j]), 0.02) << j;
  for (size_t j = 3; j < units; ++j) EXPECT_NEAR(kl[j], 0, 2e-3) << j;
  std::vector<double> variance;
  for (size_t j = 0; j < units; ++j) variance.push_back(second[j] - first[j] * first[j]);
  std::ranges::sort(variance, std::greater<>());
  for (size_t j = 0; j < 3; ++j) EXPECT_NEAR(variance[j], 1 - 1 / spectrum[j], 0.02) << j;
}

}  // namespace
}  // namespace latent
