// Scores are deterministic, in the direction and the units that they claim.
#include "measure/score.h"

#include <gtest/gtest.h>

#include "measure/test_models.h"

namespace latent::measure {
namespace {

TEST(Scores, OfTheLinearGaussianAreItsLikelihood) {
  Evaluator e(linear_gaussian(), Slots());
  const RowSource rows = rows_from({0, 1.3f, 9}, 1);
  const auto scores = anomaly_scores(e, rows, ScoreKind::likelihood, 4);
  for (size_t i = 0; i < 3; ++i)
    EXPECT_NEAR(scores[i], -linear_gaussian_log_p(std::vector<double>{0, 1.3, 9}[i]), 2e-5);
  EXPECT_GE(anomaly_scores(e, rows, ScoreKind::elbo, 500)[2], scores[2] - 0.3);
  // The mean code 4/9 x decodes to 8/9 x.
  EXPECT_NEAR(anomaly_scores(e, rows, ScoreKind::reconstruction)[2], 1, 1e-5);
  EXPECT_EQ(anomaly_scores(e, rows, ScoreKind::likelihood, 4), scores) << "again";
}

TEST(Scores, ManyRowsGoInPieces) {
  Evaluator e(linear_gaussian(), Slots());
  std::vector<float> x(3000);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  const auto scores = anomaly_scores(e, rows_from(x, 1), ScoreKind::reconstruction);
  ASSERT_EQ(scores.size(), 3000u);
  for (const size_t i : {0u, 1023u, 1024u, 2999u})
    EXPECT_NEAR(scores[i], static_cast<double>(i) / 9, 1e-3) << i;
}

TEST(Scores, TheBaselineIsTheNormOfStandardizedRows) {
  // Column 0: mean 2, deviation 1. Column 1 does not vary.
  const RowSource normal_rows = rows_from({1, 5, 3, 5}, 2);
  const Baseline b = baseline_of(normal_rows, 2);
  EXPECT_EQ(b.deviation[1], 1);
  const auto scores = baseline_scores(b, rows_from({2, 5, 5, 9}, 2));
  EXPECT_EQ(scores[0], 0);
  EXPECT_NEAR(scores[1], 5, 1e-12);  // (3, 4)
}

TEST(Scores, Correlations) {
  const std::vector<double> a = {1, 2, 3, 4}, b = {2, 4, 6, 8}, c = {4, 3, 2, 1}, d = {1, 1, 1, 1};
  EXPECT_NEAR(correlation(a, b), 1, 1e-12);
  EXPECT_NEAR(correlation(a, c), -1, 1e-12);
  EXPECT_EQ(correlation(a, d), 0);
  EXPECT_THROW(correlation(a, std::vector<double>{1}), UsageError);
}

TEST(Scores, NamesAreSuggested) {
  for (const ScoreKind k : {ScoreKind::reconstruction, ScoreKind::elbo, ScoreKind::likelihood})
    EXPECT_EQ(score_named(name_of(k)), k);
  EXPECT_THROW(score_named("elbow"), UsageError);
}

}  // namespace
}  // namespace latent::measure
