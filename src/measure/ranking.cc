// One sort, then each curve is a walk over the rows with weights: 1 for each, or how often the
// bootstrap drew it. See ranking.h.
#include "measure/ranking.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace latent::measure {

namespace {

/// Rows in order of falling scores, and who is positive.
struct Order {
  std::vector<size_t> rows;
  std::span<const double> scores;
  std::span<const uint8_t> positive;
};

Order order_of(std::span<const double> scores, std::span<const uint8_t> positive) {
  if (scores.size() != positive.size()) {
    throw UsageError(std::to_string(scores.size()) + " scores were given for " +
                     std::to_string(positive.size()) + " labels");
  }
  const auto count = static_cast<size_t>(std::ranges::count(positive, uint8_t{1}));
  if (count == 0 || count == positive.size()) {
    throw UsageError("a ranking tells two kinds of rows apart; " + std::to_string(count) + " of " +
                     std::to_string(positive.size()) + " rows are positive");
  }
  if (std::ranges::any_of(scores, [](double s) { return std::isnan(s); }))
    throw UsageError("rows were to be ranked by scores that are no numbers");
  Order o{std::vector<size_t>(scores.size()), scores, positive};
  std::iota(o.rows.begin(), o.rows.end(), size_t{0});
  std::ranges::stable_sort(o.rows, [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  return o;
}

/// Row i counts weights[i] times.
Ranking rank_weighted(const Order& o, std::span<const double> weights) {
  double positives = 0, negatives = 0;
  for (size_t i = 0; i < weights.size(); ++i) (o.positive[i] ? positives : negatives) += weights[i];
  Ranking r;
  double hits = 0, misses = 0;  // above the group of equal scores
  for (size_t at = 0; at < o.rows.size();) {
    double more_hits = 0, more_misses = 0;
    const double score = o.scores[o.rows[at]];
    for (; at < o.rows.size() && o.scores[o.rows[at]] == score; ++at)
      (o.positive[o.rows[at]] ? more_hits : more_misses) += weights[o.rows[at]];
    r.auroc += more_misses * (hits + more_hits / 2);
    hits += more_hits;
    misses += more_misses;
    if (more_hits > 0) r.average_precision += more_hits * hits / (hits + misses);
  }
  r.auroc /= positives * negatives;
  r.average_precision /= positives;
  return r;
}

/// How often each row is drawn when as many positive and as many negative rows are drawn as there
/// are, with replacement.
void redraw(std::span<const uint8_t> positive, std::mt19937_64& random,
            std::vector<double>& weights) {
  std::vector<size_t> members[2];
  for (size_t i = 0; i < positive.size(); ++i) members[positive[i]].push_back(i);
  std::ranges::fill(weights, 0.0);
  for (const std::vector<size_t>& kind : members) {
    // The remainder's bias is below kind.size() / 2^64.
    for (size_t i = 0; i < kind.size(); ++i) weights[kind[random() % kind.size()]] += 1;
  }
}

double deviation(std::span<const double> values) {
  const double mean = mean_of(values).value;
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

}  // namespace

Ranking rank(std::span<const double> scores, std::span<const uint8_t> positive) {
  const Order order = order_of(scores, positive);
  return rank_weighted(order, std::vector<double>(scores.size(), 1));
}

RankingEstimate rank_with_errors(std::span<const double> scores, std::span<const uint8_t> positive,
                                 int64_t draws, uint64_t seed) {
  if (draws < 2) throw UsageError("an error bar takes at least 2 draws of the bootstrap");
  const Order order = order_of(scores, positive);
  std::vector<double> weights(scores.size(), 1), aurocs, precisions;
  const Ranking all = rank_weighted(order, weights);
  std::mt19937_64 random(seed);
  for (int64_t i = 0; i < draws; ++i) {
    redraw(positive, random, weights);
    const Ranking r = rank_weighted(order, weights);
    aurocs.push_back(r.auroc);
    precisions.push_back(r.average_precision);
  }
  return {{all.auroc, deviation(aurocs)}, {all.average_precision, deviation(precisions)}};
}

}  // namespace latent::measure
