// Scores of rows; see score.h.
#include "measure/score.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "base/near.h"
#include "measure/pca.h"

namespace latent::measure {

namespace {

constexpr std::pair<ScoreKind, const char*> kKinds[] = {
    {ScoreKind::reconstruction, "reconstruction"},
    {ScoreKind::elbo, "elbo"},
    {ScoreKind::likelihood, "likelihood"}};
constexpr int64_t kPiece = 1024;  // rows in memory at a time

std::vector<double> distances(Evaluator& model, const RowSource& rows) {
  const auto width = static_cast<size_t>(model.view().inputs);
  std::vector<double> scores;
  RowSource piece = rows.with({});
  for (int64_t at = 0; at < rows.size(); at += kPiece) {
    const auto ids = std::span(rows.rows).subspan(static_cast<size_t>(at));
    const auto some = ids.first(std::min(ids.size(), static_cast<size_t>(kPiece)));
    piece.rows.assign(some.begin(), some.end());
    const std::vector<float> means = model.reconstruct(piece);
    each_row(piece, model.view().inputs, [&](size_t row, std::span<const float> x) {
      double sum = 0;
      for (size_t j = 0; j < width; ++j) {
        const double d = static_cast<double>(x[j]) - static_cast<double>(means[row * width + j]);
        sum += d * d;
      }
      scores.push_back(std::sqrt(sum));
    });
  }
  return scores;
}

}  // namespace

const char* name_of(ScoreKind kind) {
  return std::ranges::find(kKinds, kind, &std::pair<ScoreKind, const char*>::first)->second;
}

ScoreKind score_named(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [kind, known] : kKinds) {
    if (name == known) return kind;
    names.emplace_back(known);
  }
  throw UsageError("no score is called \"" + name + "\"" + did_you_mean(name, names));
}

std::vector<double> anomaly_scores(Evaluator& model, const RowSource& rows, ScoreKind kind,
                                   int64_t samples, std::optional<double> sigma) {
  std::vector<double> scores(rows.rows.size());
  switch (kind) {
    case ScoreKind::reconstruction:
      scores = distances(model, rows);
      break;
    case ScoreKind::elbo: {
      const Elbo elbo = model.elbo(rows, samples, sigma);
      std::ranges::transform(elbo.nll, elbo.kl, scores.begin(), std::plus<>());
      break;
    }
    case ScoreKind::likelihood: {
      const Iwae iwae = model.iwae(rows, samples, sigma);
      std::ranges::transform(iwae.bound, scores.begin(), std::negate<>());
      break;
    }
  }
  // A row so far out that the model has no number for it is the strangest.
  for (double& s : scores) s = std::isnan(s) ? INFINITY : s;
  return scores;
}

Baseline baseline_of(const RowSource& rows, int64_t inputs) {
  if (rows.rows.empty()) throw UsageError("a baseline of no rows was asked for");
  Baseline b{std::vector<double>(static_cast<size_t>(inputs)),
             std::vector<double>(static_cast<size_t>(inputs))};
  const auto n = static_cast<double>(rows.size());
  each_row(rows, inputs, [&](size_t, std::span<const float> x) {
    for (size_t j = 0; j < x.size(); ++j) b.mean[j] += static_cast<double>(x[j]) / n;
  });
  each_row(rows, inputs, [&](size_t, std::span<const float> x) {
    for (size_t j = 0; j < x.size(); ++j) {
      const double d = static_cast<double>(x[j]) - b.mean[j];
      b.deviation[j] += d * d / n;
    }
  });
  // What varies by rounding alone does not vary.
  for (size_t j = 0; j < b.mean.size(); ++j) {
    const double d = std::sqrt(b.deviation[j]);
    b.deviation[j] = d > 1e-6 * std::abs(b.mean[j]) ? d : 1;
  }
  return b;
}

std::vector<double> baseline_scores(const Baseline& baseline, const RowSource& rows) {
  std::vector<double> scores(rows.rows.size());
  each_row(rows, std::ssize(baseline.mean), [&](size_t row, std::span<const float> x) {
    double sum = 0;
    for (size_t j = 0; j < x.size(); ++j) {
      const double z = (static_cast<double>(x[j]) - baseline.mean[j]) / baseline.deviation[j];
      sum += z * z;
    }
    scores[row] = std::sqrt(sum);
  });
  return scores;
}

double correlation(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size())
    throw UsageError("a correlation of " + std::to_string(a.size()) + " and " +
                     std::to_string(b.size()) + " numbers was asked for");
  const double mean_a = mean_of(a).value, mean_b = mean_of(b).value;
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a[i] - mean_a, y = b[i] - mean_b;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

}  // namespace latent::measure
