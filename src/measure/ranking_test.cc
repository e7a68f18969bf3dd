// Rankings by hand, and error bars that agree with closed forms.
#include "measure/ranking.h"

#include <gtest/gtest.h>

#include <cmath>

namespace latent::measure {
namespace {

TEST(Ranking, IsWhatCountingPairsGives) {
  // Pairs (positive, negative): (0.9, ..) wins 3, (0.4, ..) wins 1, ties 1, loses 1: 4.5 of 6.
  const std::vector<double> scores = {0.9, 0.4, 0.4, 0.7, 0.1};
  const std::vector<uint8_t> positive = {1, 1, 0, 0, 0};
  const Ranking r = rank(scores, positive);
  EXPECT_NEAR(r.auroc, 4.5 / 6, 1e-12);
  // Recall 1/2 at precision 1, then 1 at the tied pair, where 2 of 4 are positive.
  EXPECT_NEAR(r.average_precision, 0.5 * 1 + 0.5 * 0.5, 1e-12);
}

TEST(Ranking, PerfectReversedAndConstantScores) {
  const std::vector<uint8_t> positive = {0, 0, 0, 1};
  EXPECT_EQ(rank(std::vector<double>{1, 2, 3, 4}, positive).auroc, 1);
  EXPECT_EQ(rank(std::vector<double>{1, 2, 3, 4}, positive).average_precision, 1);
  EXPECT_EQ(rank(std::vector<double>{4, 3, 2, 1}, positive).auroc, 0);
  EXPECT_EQ(rank(std::vector<double>{5, 5, 5, 5}, positive).auroc, 0.5);
  EXPECT_EQ(rank(std::vector<double>{5, 5, 5, 5}, positive).average_precision, 0.25);
}

TEST(Ranking, RefusesOneKindAndOtherLengths) {
  EXPECT_THROW(rank(std::vector<double>{1, 2}, std::vector<uint8_t>{0, 0}), UsageError);
  EXPECT_THROW(rank(std::vector<double>{1, 2}, std::vector<uint8_t>{1, 1}), UsageError);
  EXPECT_THROW(rank(std::vector<double>{1}, std::vector<uint8_t>{1, 0}), UsageError);
}

TEST(Ranking, ErrorBarsAgreeWithHanleyAndMcNeil) {
  // Scores of two normals one deviation apart; Hanley and McNeil 1982 give the error of the area.
  std::vector<double> scores;
  std::vector<uint8_t> positive;
  constexpr int kEach = 200;
  for (int i = 0; i < kEach; ++i) {
    const double quantile = std::tan(3.0 * ((i + 0.5) / kEach - 0.5));  // heavy, symmetric
    scores.push_back(quantile);
    positive.push_back(0);
    scores.push_back(quantile + 1);
    positive.push_back(1);
  }
  const RankingEstimate r = rank_with_errors(scores, positive, 500, 3);
  const double a = r.auroc.value, q1 = a / (2 - a), q2 = 2 * a * a / (1 + a);
  const double expected = std::sqrt(
      (a * (1 - a) + (kEach - 1) * (q1 - a * a) + (kEach - 1) * (q2 - a * a)) / (kEach * kEach));
  EXPECT_EQ(a, rank(scores, positive).auroc);
  EXPECT_NEAR(r.auroc.error, expected, 0.2 * expected);
  EXPECT_EQ(rank_with_errors(scores, positive, 500, 3).auroc.error, r.auroc.error) << "again";
}

}  // namespace
}  // namespace latent::measure
