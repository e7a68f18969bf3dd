// Plain loops in a fixed order, so the same bits everywhere; see linear.h.
#include "measure/linear.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "latent/error.h"

namespace latent::measure {

namespace {

double dot(const double* a, const double* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

/// Gram-Schmidt over rows, each twice; a row that vanishes becomes zero.
void orthonormalize(Matrix& m) {
  for (int64_t i = 0; i < m.rows; ++i) {
    const double before = std::sqrt(dot(m.row(i), m.row(i), m.columns));
    for (int pass = 0; pass < 2; ++pass) {
      for (int64_t j = 0; j < i; ++j) {
        const double c = dot(m.row(i), m.row(j), m.columns);
        for (int64_t k = 0; k < m.columns; ++k) m.row(i)[k] -= c * m.row(j)[k];
      }
    }
    const double norm = std::sqrt(dot(m.row(i), m.row(i), m.columns));
    const double scale = norm > 1e-12 * before ? 1 / norm : 0;
    for (int64_t k = 0; k < m.columns; ++k) m.row(i)[k] *= scale;
  }
}

/// a b of [n, p] and [p, q].
Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c(a.rows, b.columns);
  for (int64_t i = 0; i < a.rows; ++i) {
    for (int64_t k = 0; k < a.columns; ++k) {
      const double f = a.row(i)[k];
      for (int64_t j = 0; j < b.columns; ++j) c.row(i)[j] += f * b.row(k)[j];
    }
  }
  return c;
}

/// Makes m[p][q] zero by a rotation of rows and columns p and q, which turns `vectors` too.
void rotate(Matrix& m, Matrix& vectors, int64_t p, int64_t q) {
  const double off = m.row(p)[q];
  if (off == 0) return;
  const double theta = (m.row(q)[q] - m.row(p)[p]) / (2 * off);
  const double t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
  const double c = 1 / std::sqrt(t * t + 1), s = t * c;
  const auto turn = [&](double& a, double& b) {
    const double x = a, y = b;
    a = c * x - s * y;
    b = s * x + c * y;
  };
  for (int64_t k = 0; k < m.rows; ++k) turn(m.row(k)[p], m.row(k)[q]);
  for (int64_t k = 0; k < m.rows; ++k) turn(m.row(p)[k], m.row(q)[k]);
  for (int64_t k = 0; k < m.rows; ++k) turn(vectors.row(p)[k], vectors.row(q)[k]);
}

}  // namespace

Matrix transposed_product(const Matrix& a, const Matrix& b) {
  Matrix c(a.columns, b.columns);
  for (int64_t n = 0; n < a.rows; ++n) {
    for (int64_t i = 0; i < a.columns; ++i) {
      const double f = a.row(n)[i];
      if (f == 0) continue;
      for (int64_t j = 0; j < b.columns; ++j) c.row(i)[j] += f * b.row(n)[j];
    }
  }
  return c;
}

Matrix product_transposed(const Matrix& a, const Matrix& b) {
  Matrix c(a.rows, b.rows);
  for (int64_t i = 0; i < a.rows; ++i) {
    for (int64_t j = 0; j < b.rows; ++j) c.row(i)[j] = dot(a.row(i), b.row(j), a.columns);
  }
  return c;
}

Eigen all_eigen(Matrix m) {
  const int64_t n = m.rows;
  Matrix vectors(n, n);
  for (int64_t i = 0; i < n; ++i) vectors.row(i)[i] = 1;
  constexpr int kMostSweeps = 60;
  for (int sweep = 0; sweep < kMostSweeps; ++sweep) {
    double off = 0, on = 0;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) (i == j ? on : off) += m.row(i)[j] * m.row(i)[j];
    }
    if (off <= 1e-30 * on) break;
    for (int64_t p = 0; p < n; ++p) {
      for (int64_t q = p + 1; q < n; ++q) rotate(m, vectors, p, q);
    }
  }
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::ranges::stable_sort(order, [&](int64_t a, int64_t b) { return m.row(a)[a] > m.row(b)[b]; });
  Eigen e{{}, Matrix(n, n)};
  for (int64_t i = 0; i < n; ++i) {
    const int64_t from = order[static_cast<size_t>(i)];
    e.values.push_back(m.row(from)[from]);
    std::copy_n(vectors.row(from), n, e.vectors.row(i));
  }
  return e;
}

Eigen largest_eigen(const Matrix& m, int64_t count) {
  constexpr int64_t kMore = 8;  // guards against close values at the end of those wanted
  constexpr int kMostRounds = 300;
  const int64_t n = m.rows, block = std::min(n, count + kMore);
  if (2 * block > n) {  // each round would take an eighth of what all of them take at once, or more
    Eigen all = all_eigen(m);
    all.values.resize(static_cast<size_t>(count));
    all.vectors.values.resize(static_cast<size_t>(count * n));
    all.vectors.rows = count;
    return all;
  }
  Matrix v(block, n);
  std::mt19937_64 random(1);
  for (double& x : v.values) x = static_cast<double>(random() >> 11) * 0x1p-53 - 0.5;
  orthonormalize(v);
  std::vector<double> before(static_cast<size_t>(block));
  for (int round = 0; round < kMostRounds; ++round) {
    Matrix image = product(v, m);  // m is symmetric: rows m v
    const Eigen ritz = all_eigen(product_transposed(v, image));
    v = product(ritz.vectors, image);
    orthonormalize(v);
    double moved = 0;
    for (size_t i = 0; i < static_cast<size_t>(count); ++i)
      moved = std::max(moved, std::abs(ritz.values[i] - before[i]));
    before = ritz.values;
    if (moved <= 1e-10 * before[0]) break;
  }
  Eigen e{{before.begin(), before.begin() + count}, Matrix(count, n)};
  std::copy_n(v.values.begin(), e.vectors.values.size(), e.vectors.values.begin());
  return e;
}

Matrix solve(Matrix a, Matrix b) {
  const int64_t n = a.rows;
  for (int64_t j = 0; j < n; ++j) {  // the lower triangle becomes L of a = L L^T
    for (int64_t i = j; i < n; ++i) {
      const double rest = a.row(i)[j] - dot(a.row(i), a.row(j), j);
      if (i == j && !(rest > 0))
        throw UsageError("a matrix is not positive definite at " + std::to_string(j));
      a.row(i)[j] = i == j ? std::sqrt(rest) : rest / a.row(j)[j];
    }
  }
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < i; ++j) {
      for (int64_t k = 0; k < b.columns; ++k) b.row(i)[k] -= a.row(i)[j] * b.row(j)[k];
    }
    for (int64_t k = 0; k < b.columns; ++k) b.row(i)[k] /= a.row(i)[i];
  }
  for (int64_t i = n - 1; i >= 0; --i) {
    for (int64_t j = i + 1; j < n; ++j) {
      for (int64_t k = 0; k < b.columns; ++k) b.row(i)[k] -= a.row(j)[i] * b.row(j)[k];
    }
    for (int64_t k = 0; k < b.columns; ++k) b.row(i)[k] /= a.row(i)[i];
  }
  return b;
}

}  // namespace latent::measure
