// The ELBO and the importance-weighted bound against closed forms; independence of rows, threads
// and the order of asking; error bars that cover what they claim.
#include "measure/evaluator.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "measure/test_models.h"

namespace latent::measure {
namespace {

RowSource one_row(float x) { return rows_from({x}, 1); }

// Pitfall 12: with the exact posterior every weight is p(x), whatever z is drawn.
// Rows of as many tokens as nats have no chance in their ratio, however they differ; of even counts
// it is that of the mean.
TEST(Ratio, ItsErrorIsThatOfWhatTheCountsLeave) {
  const std::vector<double> rows = {3, 9, 6, 30}, counts = {1, 3, 2, 10}, even = {4, 4, 4, 4};
  EXPECT_EQ(ratio_of(rows, counts).value, 3);
  EXPECT_EQ(ratio_of(rows, counts).error, 0);
  EXPECT_DOUBLE_EQ(ratio_of(rows, even).value, mean_of(rows).value / 4);
  EXPECT_DOUBLE_EQ(ratio_of(rows, even).error, mean_of(rows).error / 4);
}

TEST(Importance, TheExactPosteriorHasNoVariance) {
  Evaluator e(linear_gaussian(), Slots(), {.threads = 1});
  for (const int64_t k : {1, 2, 50}) {
    const Iwae iwae = e.iwae(one_row(1.3f), k);
    EXPECT_NEAR(iwae.bound[0], -1.8587550093705876, 2e-6) << k;
    EXPECT_LT(iwae.bar(), 1e-6) << k;
    EXPECT_NEAR(iwae.log_likelihood(), -1.8587550093705876, 2e-6) << k;
  }
  // The ELBO's KL is closed, so it has variance even here, and log p(x) only in the mean.
  const Elbo elbo = e.elbo(one_row(1.3f), 4000);
  EXPECT_NEAR(elbo.negative_elbo().value, 1.8587550093705876, 0.05);
}

TEST(Importance, OneSampleIsTheElboDrawForDraw) {
  Evaluator e(linear_gaussian(0.3), Slots(), {.threads = 1});
  const RowSource rows = rows_from({-2, -0.5f, 1.3f, 3}, 1);
  const Iwae iwae = e.iwae(rows, 1);
  const Elbo elbo = e.elbo(rows, 1);
  const std::vector<float> z = e.draws(rows);
  for (size_t i = 0; i < 4; ++i) {
    const double x = std::vector<double>{-2, -0.5, 1.3, 3}[i], mean = 4.0 / 9 * x,
                 zi = static_cast<double>(z[i]);
    const double log_ratio =
        0.5 * ((zi - mean) * (zi - mean) / 0.3 + std::log(0.3)) - 0.5 * zi * zi;
    EXPECT_NEAR(iwae.bound[i], log_ratio - elbo.nll[i], 1e-5) << i;
    EXPECT_EQ(iwae.variance[i], 0) << "one draw tells nothing of its spread";
    EXPECT_NEAR(elbo.kl[i], 0.5 * (mean * mean + 0.3 - 1 - std::log(0.3)), 1e-6);
  }
}

// Pitfall 13, in the mean over rows: ELBO <= IWAE_K <= IWAE_4K <= log p.
TEST(Importance, BoundsRiseToTheLikelihood) {
  Evaluator e(linear_gaussian(0.5), Slots(), {.threads = 1});
  std::vector<float> x = test_noise(512, 7, true);
  double log_p = 0;
  for (float& v : x) {
    v *= std::sqrt(4.5f);
    log_p += linear_gaussian_log_p(static_cast<double>(v)) / 512;
  }
  const RowSource rows = rows_from(x, 1);
  double before = -e.elbo(rows, 20).negative_elbo().value;
  for (const int64_t k : {4, 16, 64, 1024}) {
    const double bound = e.iwae(rows, k).mean_bound();
    EXPECT_GT(bound, before) << k;
    before = bound;
  }
  EXPECT_NEAR(before, log_p, 3e-3);
  EXPECT_LT(before, log_p + 1e-3);
}

// How many of 100 seeds' 95 % bars from 100 samples hold the value from 5000 samples.
int covered(const ModelView& view, const Slots& weights, const RowSource& rows) {
  const Iwae many = Evaluator(view, weights, {.threads = 1, .seed = 1000}).iwae(rows, 5000);
  EXPECT_EQ(many.weak_rows(), 0);
  int count = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const Iwae iwae = Evaluator(view, weights, {.threads = 1, .seed = seed}).iwae(rows, 100);
    count += std::abs(iwae.log_likelihood() - many.log_likelihood()) <= iwae.bar();
  }
  return count;
}

TEST(Importance, BarsCoverWhatTheyClaim) {
  std::vector<float> x = test_noise(100, 3, true);
  double exact = 0;
  for (float& v : x) {
    v *= std::sqrt(4.5f);
    exact += linear_gaussian_log_p(static_cast<double>(v)) / 100;
  }
  const ModelView view = linear_gaussian(0.25, 0.5);
  const int count = covered(view, Slots(), rows_from(x, 1));
  EXPECT_GE(count, 90);
  EXPECT_LE(count, 98);
  const Iwae many = Evaluator(view, Slots(), {.threads = 1}).iwae(rows_from(x, 1), 5000);
  EXPECT_NEAR(many.log_likelihood(), exact, many.bar());
}

class OnDigits : public testing::Test {
 protected:
  const Vae vae_{{.inputs = 64, .hidden = {150}, .latent = 7}};
  const Dataset data_ = Dataset::open("digits");
  const RowSource rows_ = rows_of(data_, choose_scaling(data_, "x"));
  const Slots slots_ = trained_vae(vae_, some_rows(rows_, 500), 4, 1);
};

TEST_F(OnDigits, ARowsNumbersAreItsOwn) {
  Evaluator e(view_of(vae_), slots_, {.threads = 1});
  const RowSource all = some_rows(rows_, 300);
  const Elbo whole = e.elbo(all, 2);
  const Iwae weights = e.iwae(all, 3);
  const Codes codes = e.codes(all);
  RowSource few{.read = all.read};  // backwards, in other places, a piece of another size
  for (const size_t i : {299u, 128u, 127u, 5u, 0u}) few.rows.push_back(all.rows[i]);
  const Elbo part = e.elbo(few, 2);
  const Iwae part_weights = e.iwae(few, 3);
  const Codes part_codes = e.codes(few);
  for (size_t k = 0; k < few.rows.size(); ++k) {
    const size_t i = std::vector<size_t>{299, 128, 127, 5, 0}[k];
    EXPECT_EQ(part.nll[k], whole.nll[i]) << i;
    EXPECT_EQ(part.kl[k], whole.kl[i]) << i;
    EXPECT_EQ(part_weights.bound[k], weights.bound[i]) << i;
    for (size_t j = 0; j < 7; ++j) {
      EXPECT_EQ(part_codes.mean[k * 7 + j], codes.mean[i * 7 + j]);
      EXPECT_EQ(part_codes.logvar[k * 7 + j], codes.logvar[i * 7 + j]);
    }
  }
}

TEST_F(OnDigits, ThreadsAndWhatWasAskedBeforeChangeNothing) {
  Evaluator first(view_of(vae_), slots_, {.threads = 1});
  const RowSource rows = some_rows(rows_, 200);
  const Elbo one = first.elbo(rows);
  const Iwae bound = first.iwae(rows, 5);
  EXPECT_EQ(first.elbo(rows).nll, one.nll) << "after others";
  for (const int threads : {2, 3, 4}) {
    Evaluator other(view_of(vae_), slots_, {.threads = threads});
    EXPECT_EQ(other.iwae(rows, 5).bound, bound.bound) << threads;
    EXPECT_EQ(other.elbo(rows).nll, one.nll) << threads;
  }
  Evaluator another(view_of(vae_), slots_, {.threads = 1, .seed = 2});
  EXPECT_NE(another.elbo(rows).nll, one.nll);
}

TEST_F(OnDigits, BarsCoverWhatTheyClaim) {
  const int count = covered(view_of(vae_), slots_, some_rows(rows_, 128));
  EXPECT_GE(count, 90);
  EXPECT_LE(count, 98);
}

// Narrow posteriors under a narrow likelihood: few of 100 draws count, and the bar would not cover.
TEST_F(OnDigits, WeightsThatAFewDrawsMakeAreSaid) {
  const Vae vae{{.inputs = 64, .hidden = {100}, .latent = 10, .likelihood = "gaussian_optimal"}};
  Evaluator e(view_of(vae), trained_vae(vae, rows_, 1, 5), {.threads = 1});
  EXPECT_GT(e.iwae(some_rows(rows_, 128), 100).weak_rows(), 64);
  Evaluator bernoulli_model(view_of(vae_), slots_, {.threads = 1});
  EXPECT_EQ(bernoulli_model.iwae(some_rows(rows_, 128), 100).weak_rows(), 0);
}

TEST_F(OnDigits, TheElboIsThatOfTheTrainingLoss) {
  // The model's own loss in evaluation mode over the same rows, with other noise.
  const RowSource rows = some_rows(rows_, 512);
  Slots slots(9);
  for (const auto& [name, t] : slots_.tensors()) slots.set(name, t.clone());
  Graph g;
  g.fetch("loss", vae_.loss(Scope(g, false), {.x = g.feed("x", {512, 64})}).total);
  Plan plan(g, slots, {.threads = 1});
  rows.read(rows.rows, plan.feed("x").data());
  plan.run();
  Evaluator e(view_of(vae_), slots_, {.threads = 1});
  const Estimate elbo = e.elbo(rows, 4).negative_elbo();
  EXPECT_NEAR(elbo.value, plan.scalar("loss"), 3 * elbo.error);
}

TEST(OptimalSigma, IsOneForAllRowsNotOneAPiece) {
  const Vae vae{{.inputs = 2, .hidden = {8}, .latent = 1, .likelihood = "gaussian_optimal"}};
  // Rows of the second half lie ten times as far out.
  std::vector<float> x = test_noise(512, 5, true);
  for (size_t i = 256; i < 512; ++i) x[i] *= 10;
  const RowSource rows = rows_from(x, 2);
  const Slots slots = trained_vae(vae, rows, 1, 2);
  Evaluator e(view_of(vae), slots);
  const Elbo elbo = e.elbo(rows);
  ASSERT_TRUE(elbo.sigma.has_value());
  const double s2 = *elbo.sigma * *elbo.sigma;
  // Pitfall 10: the average at the optimum is D/2 (ln(2 pi s2) + 1).
  EXPECT_NEAR(mean_of(elbo.nll).value, std::log(2 * M_PI * s2) + 1, 1e-4);
  EXPECT_EQ(e.sigma_of(rows), elbo.sigma);
  EXPECT_EQ(e.elbo(rows, 1, 2).sigma, 2);
  EXPECT_GT(mean_of(e.elbo(rows, 1, 2).nll).value, mean_of(elbo.nll).value);
  EXPECT_EQ(e.elbo(rows).nll, elbo.nll) << "the sigma asked for before is forgotten";
  // At the mean code likewise, with the error there.
  const std::vector<float> back = e.reconstruct(rows);
  double squares = 0;
  for (size_t i = 0; i < x.size(); ++i)
    squares += std::pow(static_cast<double>(back[i]) - static_cast<double>(x[i]), 2);
  EXPECT_NEAR(mean_of(e.reconstruction_nll(rows)).value,
              std::log(2 * M_PI * squares / static_cast<double>(x.size())) + 1, 1e-4);
  EXPECT_THROW(e.code_nll(rows), UsageError) << "a VAE's codes have no probability of their own";
}

// Of a model without a posterior too the rows trained on say the sigma, not those measured.
TEST(OptimalSigma, OfTheRowsTrainedOnIsTakenForOthers) {
  const ModelView halves{.inputs = 2,
                         .latent = 2,
                         .encode =
                             [](const Scope&, Arg x) {
                               return Gaussian{0.5 * x, Expr()};
                             },
                         .decode = [](const Scope&, Arg z) { return z.expr(); },
                         .likelihood = gaussian_optimal()};
  Evaluator e(halves, Slots(), {.threads = 1});
  // Half of a row is missed: 1 and 1 of the row trained on, 3 and 1 of the other one.
  const RowSource trained = rows_from({2, 2}, 2), other = rows_from({6, 2}, 2);
  EXPECT_NEAR(e.sigma_of(trained).value(), 1, 1e-6);
  EXPECT_NEAR(e.reconstruction_nll(other, e.sigma_of(trained))[0], 5 + std::log(2 * M_PI), 1e-5);
  EXPECT_NEAR(e.reconstruction_nll(other)[0], 1 + std::log(2 * M_PI * 5), 1e-5) << "its own";
  EXPECT_FALSE(Evaluator(linear_gaussian(), Slots()).sigma_of(one_row(3)));
}

TEST(Evaluators, RefuseWhatCannotBe) {
  const ModelView autoencoder{.inputs = 1,
                              .latent = 1,
                              .encode =
                                  [](const Scope&, Arg x) {
                                    return Gaussian{2 * x, Expr()};
                                  },
                              .decode = [](const Scope&, Arg z) { return 0.5 * z; },
                              .likelihood = squared_error()};
  Evaluator e(autoencoder, Slots(), {.threads = 1});
  EXPECT_FALSE(e.has_posterior());
  EXPECT_EQ(e.codes(one_row(3)).mean[0], 6);
  EXPECT_EQ(e.reconstruct(one_row(3))[0], 3);
  EXPECT_EQ(e.reconstruction_nll(one_row(3))[0], 0);
  EXPECT_THROW(e.elbo(one_row(3)), UsageError);
  EXPECT_THROW(e.iwae(one_row(3), 2), UsageError);
  EXPECT_THROW(Evaluator(linear_gaussian(), Slots()).iwae(one_row(3), 0), UsageError);
  EXPECT_THROW(e.codes(rows_from({}, 1)), UsageError);
  ModelView wrong = linear_gaussian();
  wrong.latent = 2;
  EXPECT_THROW(Evaluator(wrong, Slots()), UsageError);
  const Vae vae{{.inputs = 4, .hidden = {3}, .latent = 2}};
  EXPECT_THROW(Evaluator(view_of(vae), Slots()), UsageError) << "no weights";
}

}  // namespace
}  // namespace latent::measure
