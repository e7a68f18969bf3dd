// See probe.h.
#include "measure/probe.h"

#include <algorithm>
#include <set>

#include "measure/linear.h"
#include "measure/neighbors.h"
#include "measure/score.h"

namespace latent::measure {

namespace {

int64_t count_of(const Labelled& l) { return std::ssize(l.classes); }

void check(const Labelled& train, const Labelled& test) {
  for (const Labelled* l : {&train, &test}) {
    if (l->width < 1 || l->width != train.width || l->classes.empty() ||
        std::ssize(l->features) != count_of(*l) * l->width)
      throw UsageError("a probe takes rows of one width with a class each; found " +
                       std::to_string(l->features.size()) + " features of width " +
                       std::to_string(l->width) + " and " + std::to_string(count_of(*l)) +
                       " classes");
  }
  if (std::set<int32_t>(train.classes.begin(), train.classes.end()).size() < 2)
    throw UsageError("a probe tells classes apart, but all rows to learn from are of one");
}

/// Standardized by `b`, with a last column of ones.
Matrix design(const Labelled& l, const Baseline& b) {
  Matrix x(count_of(l), l.width + 1);
  for (int64_t i = 0; i < x.rows; ++i) {
    for (int64_t j = 0; j < l.width; ++j) {
      const auto k = static_cast<size_t>(j);
      x.row(i)[j] =
          (static_cast<double>(l.features[static_cast<size_t>(i * l.width + j)]) - b.mean[k]) /
          b.deviation[k];
    }
    x.row(i)[l.width] = 1;
  }
  return x;
}

Estimate linear_accuracy(const Labelled& train, const Labelled& test, double ridge) {
  const Baseline b = baseline_of(rows_in(train.features, train.width), train.width);
  const Matrix x = design(train, b);
  const int32_t classes = 1 + std::max(*std::ranges::max_element(train.classes),
                                       *std::ranges::max_element(test.classes));
  Matrix y(x.rows, classes);
  for (int64_t i = 0; i < x.rows; ++i) y.row(i)[train.classes[static_cast<size_t>(i)]] = 1;
  Matrix gram = transposed_product(x, x);
  for (int64_t j = 0; j < train.width; ++j)
    gram.row(j)[j] += ridge * static_cast<double>(x.rows) / 1000;
  const Matrix weights = solve(std::move(gram), transposed_product(x, y));
  const Matrix asked = design(test, b);
  std::vector<double> right;
  std::vector<double> scores(static_cast<size_t>(classes));
  for (int64_t i = 0; i < asked.rows; ++i) {
    std::ranges::fill(scores, 0.0);
    for (int64_t j = 0; j < asked.columns; ++j) {
      for (size_t c = 0; c < scores.size(); ++c) scores[c] += asked.row(i)[j] * weights.row(j)[c];
    }
    const auto best = std::ranges::max_element(scores) - scores.begin();
    right.push_back(best == test.classes[static_cast<size_t>(i)] ? 1 : 0);
  }
  return mean_of(right);
}

int32_t vote(std::span<const Neighbor> found, std::span<const int32_t> classes) {
  int32_t best = -1;
  int64_t most = 0;
  for (const Neighbor& n : found) {
    const int32_t c = classes[static_cast<size_t>(n.row)];
    const int64_t votes = std::ranges::count_if(
        found, [&](const Neighbor& other) { return classes[static_cast<size_t>(other.row)] == c; });
    if (votes > most) {
      most = votes;
      best = c;
    }
  }
  return best;
}

Estimate neighbor_accuracy(const Labelled& train, const Labelled& test, int64_t k) {
  std::vector<double> right;
  const auto width = static_cast<size_t>(test.width);
  for (size_t i = 0; i < test.classes.size(); ++i) {
    const auto found = nearest(train.features, test.features.subspan(i * width, width), k);
    right.push_back(vote(found, train.classes) == test.classes[i] ? 1 : 0);
  }
  return mean_of(right);
}

}  // namespace

ProbeResult probe(const Labelled& train, const Labelled& test, const ProbeOptions& o) {
  check(train, test);
  return {linear_accuracy(train, test, o.ridge), neighbor_accuracy(train, test, o.neighbors)};
}

}  // namespace latent::measure
