// Principal components against closed forms, and the algebra below them.
#include "measure/pca.h"

#include <gtest/gtest.h>

#include <cmath>

#include "measure/test_models.h"

namespace latent::measure {
namespace {

/// Rows (a, b) Q of independent a of deviation 3 and b of deviation 1, Q a turn by 30 degrees.
RowSource turned(size_t n) {
  std::vector<float> x = test_noise(2 * n, 5, true);
  const float c = std::cos(0.5236f), s = std::sin(0.5236f);
  for (size_t i = 0; i < x.size(); i += 2) {
    const float a = 3 * x[i], b = x[i + 1];
    x[i] = c * a - s * b + 10;
    x[i + 1] = s * a + c * b - 4;
  }
  return rows_from(std::move(x), 2);
}

TEST(Pca, FindsTheAxesOfANormal) {
  const RowSource rows = turned(4000);
  const Pca pca = pca_of(rows, 2, 2);
  EXPECT_NEAR(pca.mean[0], 10, 0.2);
  EXPECT_NEAR(pca.variance[0], 9, 0.6);
  EXPECT_NEAR(pca.variance[1], 1, 0.07);
  const Pca one = pca_of(rows, 2, 1);
  EXPECT_NEAR(one.total, pca.variance[0] + pca.variance[1], 1e-9)
      << "of all, whatever is asked for";
  EXPECT_NEAR(std::abs(pca.components.row(0)[0]), std::cos(0.5236), 0.01);
  EXPECT_NEAR(std::abs(pca.components.row(0)[1]), std::sin(0.5236), 0.01);
}

TEST(Pca, ScoresAreWhatTheComponentsLeave) {
  const RowSource rows = turned(500);
  const Pca one = pca_of(rows, 2, 1), both = pca_of(rows, 2, 2);
  double squares = 0;
  for (const double s : pca_scores(one, rows)) squares += s * s / 500;
  EXPECT_NEAR(squares, both.variance[1], 1e-6) << "Eckart and Young";
  for (const double s : pca_scores(both, rows)) EXPECT_LT(s, 1e-6);
  double along = 0;
  for (const float z : project(one, rows)) along += static_cast<double>(z) * z / 500;
  EXPECT_NEAR(along, one.variance[0], 1e-5 * along);
}

TEST(Pca, FewRowsOfManyValuesGiveTheSameComponents) {
  // 6 rows of 12 values: the products of rows are formed. The components rebuild every row.
  const RowSource rows = rows_from(test_noise(72, 2, true), 12);
  const Pca pca = pca_of(rows, 12, 12);
  ASSERT_EQ(pca.size(), 6);
  for (const double s : pca_scores(pca, rows)) EXPECT_LT(s, 1e-6);
  EXPECT_NEAR(pca.variance[5], 0, 1e-9) << "six rows less their mean span five directions";
  for (int i = 0; i < 5; ++i) {
    double norm = 0;
    for (int j = 0; j < 12; ++j) norm += pca.components.row(i)[j] * pca.components.row(i)[j];
    EXPECT_NEAR(norm, 1, 1e-9);
  }
  EXPECT_THROW(pca_of(RowSource{}, 12, 2), UsageError);
}

TEST(Linear, CholeskySolvesAndRefuses) {
  Matrix a(2, 2), b(2, 1);
  a.values = {4, 2, 2, 3};
  b.values = {10, 9};
  const Matrix x = solve(a, b);
  EXPECT_NEAR(x.values[0], 1.5, 1e-12);
  EXPECT_NEAR(x.values[1], 2, 1e-12);
  a.values = {1, 2, 2, 1};
  EXPECT_THROW(solve(a, b), UsageError);
}

TEST(Linear, EigenvaluesOfAKnownMatrix) {
  // The second difference of n points: 2 - 2 cos(k pi / (n + 1)).
  constexpr int64_t n = 30;
  Matrix m(n, n);
  for (int64_t i = 0; i < n; ++i) {
    m.row(i)[i] = 2;
    if (i > 0) m.row(i)[i - 1] = m.row(i - 1)[i] = -1;
  }
  const Eigen all = all_eigen(m), some = largest_eigen(m, 3), most = largest_eigen(m, 20);
  ASSERT_EQ(most.values.size(), 20u);
  ASSERT_EQ(most.vectors.values.size(), static_cast<size_t>(20 * n));
  for (int64_t k = 0; k < n; ++k) {
    const double exact = 2 - 2 * std::cos(static_cast<double>(n - k) * M_PI / (n + 1));
    EXPECT_NEAR(all.values[static_cast<size_t>(k)], exact, 1e-12);
    if (k < 20) {
      EXPECT_NEAR(most.values[static_cast<size_t>(k)], exact, 1e-12);
    }
    if (k < 3) {
      EXPECT_NEAR(some.values[static_cast<size_t>(k)], exact, 1e-7);
    }
  }
}

}  // namespace
}  // namespace latent::measure
