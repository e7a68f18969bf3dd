// Dense linear algebra of measures, in double on the host: what principal components and linear
// probes need. Sizes are those of rows and codes, a few thousand at most.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace latent::measure {

/// [rows, columns], row-major.
struct Matrix {
  int64_t rows = 0, columns = 0;
  std::vector<double> values;

  Matrix(int64_t r, int64_t c)
      : rows(r), columns(c), values(static_cast<size_t>(r) * static_cast<size_t>(c)) {}
  double* row(int64_t i) { return values.data() + i * columns; }
  const double* row(int64_t i) const { return values.data() + i * columns; }
};

/// a^T b of [n, p] and [n, q]: [p, q].
Matrix transposed_product(const Matrix& a, const Matrix& b);
/// a b^T of [n, d] and [m, d]: [n, m].
Matrix product_transposed(const Matrix& a, const Matrix& b);

/// Eigenvalues, falling, and unit eigenvectors in rows.
struct Eigen {
  std::vector<double> values;
  Matrix vectors;
};
/// The `count` largest of a symmetric matrix whose eigenvalues are not negative. Block power
/// iteration from a fixed start with a few vectors more than asked for and a Rayleigh-Ritz step a
/// round, until no wanted value moves by 1e-10 of the largest, 300 rounds at most.
Eigen largest_eigen(const Matrix& symmetric, int64_t count);
/// All of a small symmetric matrix, by Jacobi's rotations.
Eigen all_eigen(Matrix symmetric);

/// x of a x = b for a symmetric positive definite [n, n] and b [n, m], by Cholesky. UsageError when
/// a is not positive definite.
Matrix solve(Matrix a, Matrix b);

}  // namespace latent::measure
