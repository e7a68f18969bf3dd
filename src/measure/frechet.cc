// See frechet.h.
#include "measure/frechet.h"

#include <cmath>
#include <string>

#include "latent/error.h"
#include "latent/graph.h"

namespace latent::measure {

namespace {

/// Rows sqrt(value) times vector of a covariance: its root r with r^T r = covariance.
Matrix root_of(const Matrix& covariance) {
  Eigen e = all_eigen(covariance);
  for (int64_t i = 0; i < e.vectors.rows; ++i) {
    const double scale = std::sqrt(std::max(0.0, e.values[static_cast<size_t>(i)]));
    for (int64_t j = 0; j < e.vectors.columns; ++j) e.vectors.row(i)[j] *= scale;
  }
  return std::move(e.vectors);
}

double trace(const Matrix& m) {
  double sum = 0;
  for (int64_t i = 0; i < m.rows; ++i) sum += m.row(i)[i];
  return sum;
}

}  // namespace

NormalFit gaussian_of(std::span<const float> rows, int64_t width) {
  const auto w = static_cast<size_t>(width);
  const size_t n = width > 0 ? rows.size() / w : 0;
  if (n < 2 || n * w != rows.size())
    throw UsageError("a Gaussian is fitted to two rows or more, found " +
                     std::to_string(rows.size()) + " values for rows of " + std::to_string(width));
  NormalFit g{std::vector<double>(w), Matrix(width, width)};
  for (size_t i = 0; i < rows.size(); ++i) g.mean[i % w] += static_cast<double>(rows[i]);
  for (double& m : g.mean) m /= static_cast<double>(n);
  Matrix deviations(static_cast<int64_t>(n), width);
  for (size_t i = 0; i < rows.size(); ++i)
    deviations.values[i] = static_cast<double>(rows[i]) - g.mean[i % w];
  g.covariance = transposed_product(deviations, deviations);
  for (double& v : g.covariance.values) v /= static_cast<double>(n - 1);
  return g;
}

double frechet_distance(const NormalFit& a, const NormalFit& b) {
  if (a.mean.size() != b.mean.size())
    throw UsageError("rows of " + std::to_string(a.mean.size()) + " and of " +
                     std::to_string(b.mean.size()) + " values have no distance");
  double distance = trace(a.covariance) + trace(b.covariance);
  for (size_t i = 0; i < a.mean.size(); ++i)
    distance += (a.mean[i] - b.mean[i]) * (a.mean[i] - b.mean[i]);
  // tr (C C')^(1/2) is the sum of the singular values of r r'^T, r^T r = C, r'^T r' = C'. The roots
  // of the eigenvalues of (r r'^T)^T (r r'^T) lose half the digits of small ones, which add
  // nothing.
  const Matrix cross = product_transposed(root_of(a.covariance), root_of(b.covariance));
  for (const double v : all_eigen(transposed_product(cross, cross)).values)
    distance -= 2 * std::sqrt(std::max(0.0, v));
  return std::max(0.0, distance);
}

std::vector<float> draws_of(const NormalFit& g, int64_t n, uint64_t seed) {
  const auto w = std::ssize(g.mean);
  constexpr uint64_t kStream = 0x6672656368;  // of these draws
  Tensor noise({n, w});
  normal_init(0, 1).fill(noise, seed, kStream);
  const Matrix root = root_of(g.covariance);
  std::vector<float> rows;
  for (int64_t i = 0; i < n; ++i) {
    const auto eps = noise.span<float>().subspan(static_cast<size_t>(i * w));
    for (int64_t j = 0; j < w; ++j) {
      double v = g.mean[static_cast<size_t>(j)];
      for (int64_t k = 0; k < w; ++k)
        v += static_cast<double>(eps[static_cast<size_t>(k)]) * root.row(k)[j];
      rows.push_back(static_cast<float>(v));
    }
  }
  return rows;
}

}  // namespace latent::measure
