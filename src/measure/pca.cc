// See pca.h.
#include "measure/pca.h"

#include <algorithm>
#include <cmath>

namespace latent::measure {

namespace {

/// Rows minus their mean, [n, inputs].
Matrix centred(const RowSource& rows, int64_t inputs, std::vector<double>& mean) {
  Matrix x(rows.size(), inputs);
  mean.assign(static_cast<size_t>(inputs), 0);
  each_row(rows, inputs, [&](size_t i, std::span<const float> row) {
    std::ranges::copy(row, x.row(static_cast<int64_t>(i)));
  });
  for (int64_t i = 0; i < x.rows; ++i) {
    for (int64_t j = 0; j < inputs; ++j) mean[static_cast<size_t>(j)] += x.row(i)[j];
  }
  for (double& m : mean) m /= static_cast<double>(x.rows);
  for (int64_t i = 0; i < x.rows; ++i) {
    for (int64_t j = 0; j < inputs; ++j) x.row(i)[j] -= mean[static_cast<size_t>(j)];
  }
  return x;
}

/// Calls f(place, x - mean, codes) for each row.
template <class F>
void each_projection(const Pca& pca, const RowSource& rows, const F& f) {
  std::vector<double> x(pca.mean.size()), code(static_cast<size_t>(pca.size()));
  each_row(rows, std::ssize(pca.mean), [&](size_t place, std::span<const float> row) {
    for (size_t j = 0; j < x.size(); ++j) x[j] = static_cast<double>(row[j]) - pca.mean[j];
    for (int64_t c = 0; c < pca.size(); ++c) {
      double sum = 0;
      for (size_t j = 0; j < x.size(); ++j) sum += x[j] * pca.components.row(c)[j];
      code[static_cast<size_t>(c)] = sum;
    }
    f(place, x, code);
  });
}

}  // namespace

void each_row(const RowSource& rows, int64_t inputs,
              const std::function<void(size_t place, std::span<const float> row)>& f) {
  constexpr int64_t kPiece = 1024;
  const auto width = static_cast<size_t>(inputs);
  std::vector<float> values(static_cast<size_t>(std::min(kPiece, rows.size())) * width);
  for (int64_t at = 0; at < rows.size(); at += kPiece) {
    const auto n = static_cast<size_t>(std::min(kPiece, rows.size() - at));
    rows.read(std::span(rows.rows).subspan(static_cast<size_t>(at), n), values.data());
    for (size_t i = 0; i < n; ++i)
      f(static_cast<size_t>(at) + i, std::span<const float>(values).subspan(i * width, width));
  }
}

Pca pca_of(const RowSource& all, int64_t inputs, int64_t k) {
  if (all.rows.empty()) throw UsageError("principal components of no rows were asked for");
  const RowSource rows = some_rows(all, inputs > 1024 ? 2048 : 8192);
  Pca pca{{}, Matrix(0, inputs), {}, 0};
  const Matrix x = centred(rows, inputs, pca.mean);
  const int64_t count = std::min({k, inputs, x.rows});
  const auto n = static_cast<double>(x.rows);
  if (inputs <= x.rows) {
    Eigen e = largest_eigen(transposed_product(x, x), count);
    pca.components = std::move(e.vectors);
    pca.variance = std::move(e.values);
  } else {
    // With u an eigenvector of x x^T, x^T u is one of x^T x, of the length sqrt(its value).
    const Eigen e = largest_eigen(product_transposed(x, x), count);
    pca.components = Matrix(count, inputs);
    pca.variance = e.values;
    for (int64_t c = 0; c < count; ++c) {
      const double value = e.values[static_cast<size_t>(c)];
      const double scale = value > 1e-12 * e.values[0] ? 1 / std::sqrt(value) : 0;
      for (int64_t i = 0; i < x.rows; ++i) {
        const double f = e.vectors.row(c)[i] * scale;
        for (int64_t j = 0; j < inputs; ++j) pca.components.row(c)[j] += f * x.row(i)[j];
      }
    }
  }
  for (double& v : pca.variance) v /= n;
  for (const double v : x.values) pca.total += v * v / n;
  return pca;
}

std::vector<float> project(const Pca& pca, const RowSource& rows) {
  const auto k = static_cast<size_t>(pca.size());
  std::vector<float> codes(rows.rows.size() * k);
  each_projection(pca, rows, [&](size_t place, const auto&, const std::vector<double>& code) {
    std::ranges::transform(code, codes.begin() + static_cast<ptrdiff_t>(place * k),
                           [](double c) { return static_cast<float>(c); });
  });
  return codes;
}

std::vector<double> pca_scores(const Pca& pca, const RowSource& rows) {
  std::vector<double> scores(rows.rows.size());
  each_projection(pca, rows, [&](size_t place, const std::vector<double>& x, const auto& code) {
    double rest = 0;
    for (size_t j = 0; j < x.size(); ++j) {
      double d = x[j];
      for (size_t c = 0; c < code.size(); ++c)
        d -= code[c] * pca.components.row(static_cast<int64_t>(c))[j];
      rest += d * d;
    }
    scores[place] = std::sqrt(rest);
  });
  return scores;
}

}  // namespace latent::measure
