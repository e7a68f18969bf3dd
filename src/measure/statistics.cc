// Sums over codes and rows; see statistics.h.
#include "measure/statistics.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace latent::measure {

namespace {

// Means of columns of [n, width].
std::vector<double> column_means(std::span<const float> values, size_t width) {
  std::vector<double> means(width);
  for (size_t i = 0; i < values.size(); ++i) means[i % width] += static_cast<double>(values[i]);
  const size_t rows = values.size() / width;
  for (double& m : means) m /= static_cast<double>(rows);
  return means;
}

double log_sum_exp(std::span<const double> v) {
  const double most = *std::ranges::max_element(v);
  double sum = 0;
  for (const double x : v) sum += std::exp(x - most);
  return most + std::log(sum);
}

// KL(N(mean, e^logvar) || N(0, 1)), in nats.
double unit_kl(double mean, double logvar) {
  return 0.5 * (mean * mean + std::expm1(logvar) - logvar);
}

}  // namespace

std::vector<UnitStatistics> unit_statistics(const Codes& codes) {
  const auto width = static_cast<size_t>(codes.latent);
  const size_t count = codes.mean.size() / width;
  const auto rows = static_cast<double>(count);
  const std::vector<double> means = column_means(codes.mean, width);
  std::vector<UnitStatistics> units(width);
  for (size_t j = 0; j < width; ++j) units[j].mean = means[j];
  for (size_t i = 0; i < codes.mean.size(); ++i) {
    UnitStatistics& u = units[i % width];
    const auto mean = static_cast<double>(codes.mean[i]);
    u.mean_variance += (mean - means[i % width]) * (mean - means[i % width]) / rows;
    if (codes.logvar.empty()) continue;
    u.kl += unit_kl(mean, static_cast<double>(codes.logvar[i])) / rows;
  }
  return units;
}

void UnitSums::add(std::span<const float> mean, std::span<const float> logvar) {
  const size_t width = units_.size();
  for (size_t i = 0; i < mean.size(); ++i) {
    Sums& u = units_[i % width];
    const auto m = static_cast<double>(mean[i]);
    if (rows_ == 0 && i < width) u.first = m;
    const double d = m - u.first;
    u.deviations += d;
    u.squares += d * d;
    if (!logvar.empty()) u.kl += unit_kl(m, static_cast<double>(logvar[i]));
  }
  rows_ += static_cast<int64_t>(mean.size() / width);
}

std::vector<UnitStatistics> UnitSums::statistics() const {
  std::vector<UnitStatistics> units;
  const auto rows = static_cast<double>(rows_);
  for (const Sums& u : units_) {
    const double mean = u.deviations / rows;
    units.push_back({.mean_variance = std::max(0.0, u.squares / rows - mean * mean),
                     .kl = u.kl / rows,
                     .mean = u.first + mean});
  }
  return units;
}

int64_t active_units(std::span<const UnitStatistics> units) {
  return std::ranges::count_if(
      units, [](const UnitStatistics& u) { return u.mean_variance > kActiveVariance; });
}

double mutual_information(const Codes& codes, std::span<const float> draws) {
  if (codes.logvar.empty() || draws.size() != codes.mean.size())
    throw UsageError("mutual information is of a VAE's codes and one draw of each row");
  const auto width = static_cast<size_t>(codes.latent);
  const size_t rows = codes.mean.size() / width;
  std::vector<double> precision(codes.logvar.size()), half_log(rows);  // half_log: of a row's scale
  for (size_t i = 0; i < codes.logvar.size(); ++i) {
    precision[i] = std::exp(-static_cast<double>(codes.logvar[i]));
    half_log[i / width] += 0.5 * static_cast<double>(codes.logvar[i]);
  }
  // log q(z|x) up to the constant of 2 pi, which log p(z) has too.
  const auto log_q = [&](size_t draw, size_t row) {
    double squares = 0;
    for (size_t j = 0; j < width; ++j) {
      const double d = static_cast<double>(draws[draw * width + j]) -
                       static_cast<double>(codes.mean[row * width + j]);
      squares += d * d * precision[row * width + j];
    }
    return -0.5 * squares - half_log[row];
  };
  double kl = 0, marginal = 0;  // sums of log q(z|x)/p(z), closed, and log q(z)/p(z), drawn
  for (const UnitStatistics& u : unit_statistics(codes)) kl += u.kl;
  std::vector<double> terms(rows);
  for (size_t i = 0; i < rows; ++i) {
    for (size_t k = 0; k < rows; ++k) terms[k] = log_q(i, k);
    double log_p = 0;
    for (size_t j = 0; j < width; ++j) {
      const auto z = static_cast<double>(draws[i * width + j]);
      log_p -= 0.5 * z * z;
    }
    marginal += log_sum_exp(terms) - std::log(static_cast<double>(rows)) - log_p;
  }
  return kl - marginal / static_cast<double>(rows);
}

Estimate bits_per_dimension(const Estimate& nats, int64_t dims, double quantization) {
  const double bit = static_cast<double>(dims) * std::numbers::ln2;
  return {.value = nats.value / bit + quantization, .error = nats.error / bit};
}

double quantization_bits(const Scaling& scaling, const std::string& likelihood) {
  if (likelihood == "bernoulli" || likelihood.starts_with("discretized_logistic")) return 0;
  double bits = 0;
  for (const double s : scaling.scale)
    bits -= std::log2(std::abs(s)) / static_cast<double>(scaling.scale.size());
  return bits;
}

double effective_beta(double sse_weight, double kl_weight) { return kl_weight / (2 * sse_weight); }

double mean_variance(std::span<const float> rows, int64_t columns) {
  const auto width = static_cast<size_t>(columns);
  const std::vector<double> means = column_means(rows, width);
  double sum = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const double d = static_cast<double>(rows[i]) - means[i % width];
    sum += d * d;
  }
  return sum / static_cast<double>(rows.size());
}

double largest_eigenvalue(std::span<const float> rows, int64_t columns) {
  const auto width = static_cast<size_t>(columns);
  const std::vector<double> means = column_means(rows, width);
  const size_t count = rows.size() / width;
  const auto n = static_cast<double>(count);
  // A start that is orthogonal to nothing that data would single out: slowly varying sizes.
  std::vector<double> v(width), next(width);
  for (size_t j = 0; j < width; ++j) v[j] = 1 + 0.5 * std::cos(static_cast<double>(j) * 1.618);
  const auto length = [](const std::vector<double>& a) {
    return std::sqrt(std::inner_product(a.begin(), a.end(), a.begin(), 0.0));
  };
  double scale = length(v), eigenvalue = 0;
  for (int round = 0; round < 100; ++round) {
    for (double& x : v) x /= scale;
    std::ranges::fill(next, 0.0);
    for (size_t at = 0; at < rows.size(); at += width) {
      double dot = 0;
      for (size_t j = 0; j < width; ++j)
        dot += (static_cast<double>(rows[at + j]) - means[j]) * v[j];
      for (size_t j = 0; j < width; ++j)
        next[j] += dot * (static_cast<double>(rows[at + j]) - means[j]) / n;
    }
    scale = length(next);
    const double before = std::exchange(eigenvalue, scale);
    v.swap(next);
    if (scale == 0 || std::abs(scale - before) <= 1e-4 * scale) break;
  }
  return eigenvalue;
}

}  // namespace latent::measure
