// Principal components of rows, the linear model of the same size that a code must beat.
#pragma once

#include <vector>

#include "measure/linear.h"
#include "measure/view.h"

namespace latent::measure {

struct Pca {
  std::vector<double> mean;      // of a row
  Matrix components;             // [k, inputs], orthonormal rows
  std::vector<double> variance;  // along each component, falling
  double total = 0;              // variance of the rows, of which the components' is a part

  int64_t size() const { return components.rows; }
};

/// The first min(k, inputs, rows) components, of at most 8192 rows spread evenly over all (2048
/// where rows have more than 1024 values): the covariance, or where there are fewer rows than
/// values their products with each other, is formed.
Pca pca_of(const RowSource& rows, int64_t inputs, int64_t k);
/// Codes (x - mean) components^T, [rows, k].
std::vector<float> project(const Pca& pca, const RowSource& rows);
/// Euclidean distance of each row from its projection: the reconstruction error of PCA.
std::vector<double> pca_scores(const Pca& pca, const RowSource& rows);

/// Calls f(place of the row, its values) in order, a piece of the rows in memory at a time.
void each_row(const RowSource& rows, int64_t inputs,
              const std::function<void(size_t place, std::span<const float> row)>& f);

}  // namespace latent::measure
