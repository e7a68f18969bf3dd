// Planted faults are named, what is right is called right, and healthy runs give no word.
#include "measure/diagnosis.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "measure/score.h"
#include "measure/test_models.h"

namespace latent::measure {
namespace {

std::set<std::string> codes_of(const std::vector<Finding>& findings) {
  std::set<std::string> codes;
  for (const Finding& f : findings) codes.insert(f.code);
  return codes;
}
std::string text_of(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& f : findings) text += f.code + ": " + f.sentence + "; " + f.advice + "\n";
  return text;
}
bool says(const std::vector<Finding>& findings, const std::string& part) {
  return text_of(findings).find(part) != std::string::npos;
}
using Codes_ = std::set<std::string>;

class Diagnosis : public testing::Test {
 protected:
  // Splits off 10 % and looks at a model trained on the rest.
  std::vector<Finding> look(const ModelView& view, const Slots& slots, const RowSource& all,
                            const EvidenceOptions& options = {}) {
    Evaluator e(view, slots, {.threads = 1});
    RowSource held{.read = all.read};
    for (const int32_t row : split_.validation) held.rows.push_back(row);
    return diagnose(gather_evidence(e, training(all), &held, options));
  }
  RowSource training(const RowSource& all) const { return {split_.train, all.read}; }

  const Dataset digits_ = Dataset::open("digits");
  const RowSource rows_ = rows_of(digits_, choose_scaling(digits_, "x"));
  const RowSource raw_ = rows_of(digits_, Scaling{});  // 0 to 16
  const Split split_ = split(digits_.size(), 0.1, uint64_t{1});
};

TEST_F(Diagnosis, PixelsOutsideTheUnitIntervalForABernoulli) {
  const Vae vae{{.inputs = 64, .hidden = {32}, .latent = 4}};
  const Slots slots = trained_vae(vae, training(raw_), 1, 2, 1e-3);
  const auto findings = look(view_of(vae), slots, raw_);
  EXPECT_TRUE(codes_of(findings).contains("range")) << text_of(findings);
  EXPECT_TRUE(says(findings, "from 0 to 16")) << text_of(findings);
  EXPECT_TRUE(says(findings, "--scaling minmax")) << text_of(findings);
}

TEST_F(Diagnosis, AReconstructionAveragedBesideASummedKl) {
  const Vae vae{{.inputs = 64, .hidden = {64}, .latent = 6}};
  TrainedLoss last;
  const auto loss = [&](const Scope& s, Expr x) {
    const Gaussian q = vae.encode(s, x);
    const Expr nll = mean(bernoulli().nll(vae.decode(s, q.sample(s / "noise")), x)) / 64;
    return nll + mean(q.kl_standard());
  };
  const Slots slots = trained(training(rows_), 64, loss, 1, 10);
  Evaluator e(view_of(vae), slots, {.threads = 1});
  const Elbo elbo = e.elbo(training(rows_));
  last.reconstruction = mean_of(elbo.nll).value / 64;
  last.total = last.reconstruction + mean_of(elbo.kl).value;
  const auto findings = look(view_of(vae), slots, rows_, {.trained = last});
  EXPECT_EQ(codes_of(findings), (Codes_{"collapsed", "kl-scale"})) << text_of(findings);
  EXPECT_TRUE(says(findings, "averaged over 64 values")) << text_of(findings);
  EXPECT_TRUE(says(findings, "effective beta 64")) << text_of(findings);
}

TEST_F(Diagnosis, AKlAveragedOverUnits) {
  const Vae vae{{.inputs = 64, .hidden = {64}, .latent = 16}};
  const auto loss = [&](const Scope& s, Expr x) {
    const Gaussian q = vae.encode(s, x);
    const Expr nll = mean(bernoulli().nll(vae.decode(s, q.sample(s / "noise")), x));
    return nll + mean(q.kl_standard()) / 16;
  };
  const Slots slots = trained(training(rows_), 64, loss, 1, 5);
  Evaluator e(view_of(vae), slots, {.threads = 1});
  const Elbo elbo = e.elbo(training(rows_));
  const double nll = mean_of(elbo.nll).value, kl = mean_of(elbo.kl).value;
  const auto findings =
      look(view_of(vae), slots, rows_, {.trained = TrainedLoss{nll + kl / 16, nll}});
  EXPECT_TRUE(codes_of(findings).contains("kl-scale")) << text_of(findings);
  EXPECT_TRUE(says(findings, "averaged over 16 units")) << text_of(findings);
  EXPECT_EQ(codes_of(look(view_of(vae), slots, rows_,
                          {.beta = 1. / 16, .trained = TrainedLoss{nll + kl / 16, nll}}))
                .count("kl-scale"),
            0u)
      << "asked for";
}

// Layers whose relu never opens again: what a too high rate leaves behind.
TEST_F(Diagnosis, DeadUnitsAndTheirConstantOutput) {
  const Autoencoder net{{.inputs = 64, .hidden = {32}, .latent = 8}};
  const ModelView view = view_of(architecture(net, 64));
  Slots slots = trained(
      training(rows_), 64, [&](const Scope& s, Expr x) { return net.loss(s, {.x = x}).total; }, 1,
      10);
  EXPECT_TRUE(look(view, slots, rows_).empty()) << text_of(look(view, slots, rows_));
  for (float& b : slots.at("decoder/0/bias").span<float>().first(29)) b = -100;
  auto findings = look(view, slots, rows_);
  EXPECT_TRUE(codes_of(findings).contains("dead-units")) << text_of(findings);
  EXPECT_TRUE(says(findings, " of 32 units of decoder/0")) << text_of(findings);
  for (float& b : slots.at("decoder/0/bias").span<float>()) b = -100;
  findings = look(view, slots, rows_);
  EXPECT_TRUE(codes_of(findings).contains("constant-output")) << text_of(findings);
  EXPECT_TRUE(says(findings, "32 of 32 units of decoder/0")) << text_of(findings);
}

// The reference VAE on uniform noise (pitfall 18): squared errors assume noise of variance 1/2, the
// data vary by at most 0.14 in any direction, and KL = 0 is the optimum.
TEST_F(Diagnosis, CollapseIsRightWhereTheNoiseExceedsTheData) {
  const RowSource noise = rows_from(test_noise(1000 * 20, 4, false), 20);
  const Vae vae{{.inputs = 20, .hidden = {16}, .latent = 4, .likelihood = "squared_error"}};
  const Slots slots = trained_vae(vae, noise, 1, 30);
  Evaluator e(view_of(vae), slots, {.threads = 1});
  const auto findings = diagnose(gather_evidence(e, noise, nullptr));
  ASSERT_EQ(codes_of(findings), Codes_{"collapse-is-right"}) << text_of(findings);
  EXPECT_EQ(findings[0].kind, Finding::Kind::remark);
  EXPECT_TRUE(says(findings, "noise of variance 0.5")) << text_of(findings);
  EXPECT_TRUE(says(findings, "varies by more than 0.1")) << text_of(findings);
}

TEST_F(Diagnosis, ScoresThatAreTheNormOfTheRow) {
  // A net whose output is constant: the distance from it is the norm of standardized rows.
  ModelView constant{2, 1,
                     [](const Scope&, Arg x) {
                       return Gaussian{slice(x, 1, 0, 1), Expr()};
                     },
                     [](const Scope&, Arg z) {
                       return concat({0 * z.expr(), 0 * z.expr()}, 1);
                     },
                     squared_error()};
  std::vector<float> x = test_noise(600, 3, true);
  make_scaling(ScalingKind::standardize, Dataset::from_memory("x", x, 300, {2}), "x").apply(x);
  const RowSource rows = rows_from(x, 2);
  Evaluator e(constant, Slots());
  const auto baseline = baseline_scores(baseline_of(rows, 2), rows);
  const auto scores = anomaly_scores(e, rows, ScoreKind::reconstruction);
  EXPECT_EQ(codes_of(diagnose_scores(scores, baseline)), Codes_{"score-is-norm"});
  const Vae vae{{.inputs = 64, .hidden = {100}, .latent = 8}};
  Evaluator good(view_of(vae), trained_vae(vae, training(rows_), 1, 15), {.threads = 1});
  const RowSource some = some_rows(rows_, 300);
  EXPECT_TRUE(diagnose_scores(anomaly_scores(good, some, ScoreKind::elbo, 1),
                              baseline_scores(baseline_of(training(rows_), 64), some))
                  .empty());
}

// Other seeds, sizes, data and likelihoods, trained briefly.
TEST_F(Diagnosis, TenHealthyRunsAreSilent) {
  int silent = 0;
  const auto expect_silence = [&](const std::vector<Finding>& findings, const std::string& run) {
    EXPECT_TRUE(findings.empty()) << run << "\n" << text_of(findings);
    silent += findings.empty();
  };
  for (uint64_t seed = 1; seed <= 7; ++seed) {
    Vae vae{{.inputs = 64, .hidden = {200}, .latent = 10}};
    if (seed == 4) vae.c.latent = 20;
    if (seed == 5) vae.c.likelihood = "gaussian_optimal";
    if (seed == 6) vae.c.likelihood = "continuous_bernoulli";
    if (seed == 7) vae.c.hidden = {128, 64};
    const Slots slots = trained_vae(vae, training(rows_), seed, 20);
    Evaluator e(view_of(vae), slots, {.threads = 1});
    const Elbo elbo = e.elbo(training(rows_));
    const double nll = mean_of(elbo.nll).value;
    expect_silence(
        look(view_of(vae), slots, rows_, {.trained = TrainedLoss{elbo.negative_elbo().value, nll}}),
        "digits, seed " + std::to_string(seed));
  }
  for (uint64_t seed = 1; seed <= 3; ++seed) {  // two clusters in eight standardized columns
    std::vector<float> x = test_noise(1797 * 8, seed, true);
    for (size_t i = 0; i < x.size(); ++i) x[i] = 0.3f * x[i] + ((i / 8) % 2 ? 0.95f : -0.95f);
    const RowSource table = rows_from(x, 8);
    const Vae vae{{.inputs = 8, .hidden = {32}, .latent = 3, .likelihood = "gaussian_optimal"}};
    const Slots slots = trained_vae(vae, training(table), seed, 20);
    expect_silence(look(view_of(vae), slots, table), "table, seed " + std::to_string(seed));
  }
  EXPECT_EQ(silent, 10);
}

// The rules by themselves, at both sides of their thresholds.
Evidence healthy() {
  Evidence e{.inputs = 100, .latent = 20, .rows = 1000, .likelihood = "bernoulli"};
  e.high = 1;
  e.variance = 0.1;
  e.largest_eigenvalue = 2;
  e.units.assign(20, {0.5, 1});
  e.output_variance = 0.05;
  e.nll = 80;
  e.kl = 20;
  e.trained = TrainedLoss{100, 80};
  e.training = Estimate{100, 1};
  e.validation = Estimate{105, 1};
  return e;
}

TEST(DiagnosisRules, HoldTheirThresholds) {
  EXPECT_TRUE(diagnose(healthy()).empty()) << text_of(diagnose(healthy()));
  Evidence e = healthy();
  std::fill(e.units.begin() + 3, e.units.end(), UnitStatistics{0, 0.001});
  EXPECT_TRUE(diagnose(e).empty()) << "3 of 20 in use";
  std::fill(e.units.begin() + 2, e.units.end(), UnitStatistics{0, 0.001});
  EXPECT_EQ(codes_of(diagnose(e)), Codes_{"collapsed-units"});
  EXPECT_TRUE(says(diagnose(e), "2 of 20 units")) << text_of(diagnose(e));
  EXPECT_TRUE(says(diagnose(e), "--latent 2")) << text_of(diagnose(e));
  e.units.assign(20, {0, 0});
  e.kl = 0;
  e.trained = TrainedLoss{80, 80};
  EXPECT_EQ(codes_of(diagnose(e)), Codes_{"collapsed"});
  EXPECT_TRUE(diagnose(e)[0].advice.find("gaussian_optimal") != std::string::npos);
  e.likelihood = "gaussian_optimal";
  EXPECT_TRUE(diagnose(e)[0].advice.find("gaussian_optimal") == std::string::npos)
      << "it has that already";
  e.noise_variance = 2.1;
  EXPECT_EQ(codes_of(diagnose(e)), Codes_{"collapse-is-right"});
  e.noise_variance = 1;
  EXPECT_EQ(codes_of(diagnose(e)), Codes_{"collapsed"});
  EXPECT_FALSE(says(diagnose(e), "of a label")) << text_of(diagnose(e));
  e.conditional = true;
  EXPECT_TRUE(says(diagnose(e), "the same for every row of a label")) << text_of(diagnose(e));
  e.conditional = false;
  e.beta = 3;  // asked for: beta times the noise exceeds the data again
  EXPECT_EQ(codes_of(diagnose(e)), Codes_{"collapse-is-right"});

  e = healthy();
  e.validation = Estimate{121, 1};
  EXPECT_EQ(codes_of(diagnose(e)), Codes_{"gap"});
  e.validation = Estimate{121, 10};
  EXPECT_TRUE(diagnose(e).empty()) << "within the error of few rows";
  e.training = Estimate{-1, 0.1}, e.validation = Estimate{-0.5, 0.1};
  EXPECT_TRUE(diagnose(e).empty()) << "a density near 0";

  e.validation = Estimate{200, 1}, e.training = Estimate{100, 1};
  EXPECT_TRUE(says(diagnose(e), "by 100 nats")) << text_of(diagnose(e));
  e.likelihood = "squared_error";
  EXPECT_TRUE(says(diagnose(e), "by 100 in the loss squared_error")) << text_of(diagnose(e));
  EXPECT_FALSE(says(diagnose(e), "nats")) << text_of(diagnose(e));

  e = healthy();
  e.trained = TrainedLoss{80 + 20 * 2.5, 80};
  EXPECT_TRUE(diagnose(e).empty());
  e.trained = TrainedLoss{80 + 20 * 3.5, 80};
  EXPECT_EQ(codes_of(diagnose(e)), Codes_{"kl-scale"});

  e = healthy();
  e.dead = {{"encoder/0", 80, 100}};
  EXPECT_TRUE(diagnose(e).empty());
  e.dead = {{"encoder/0", 81, 100}};
  EXPECT_EQ(codes_of(diagnose(e)), Codes_{"dead-units"});

  e = healthy();
  e.discriminator_accuracy = 0.75;
  EXPECT_TRUE(diagnose(e).empty());
  e.discriminator_accuracy = 0.96;
  EXPECT_EQ(codes_of(diagnose(e)), Codes_{"discriminator-wins"});
  e.discriminator_accuracy = 0.5;
  EXPECT_EQ(codes_of(diagnose(e)), Codes_{"discriminator-guesses"});

  e = healthy();
  e.codebook = {512, 200};
  EXPECT_TRUE(diagnose(e).empty());
  e.codebook = {512, 20};
  EXPECT_EQ(codes_of(diagnose(e)), Codes_{"dead-codes"});
  EXPECT_TRUE(says(diagnose(e), "a codebook of 40 would do"));
  e.codebook = {512, 1.2};
  EXPECT_EQ(codes_of(diagnose(e)), Codes_{"codebook-collapsed"});
  EXPECT_TRUE(says(diagnose(e), "--revive 0.1")) << "more than its default, 0.02";
  e.codebook = {512, 200, 4, 20};  // of several levels the least counts
  EXPECT_EQ(codes_of(diagnose(e)), Codes_{"dead-codes"});
  EXPECT_TRUE(says(diagnose(e), "512 codes of a level are used as if there were 20.0"));

  e = healthy();
  e.likelihood = "gaussian_optimal", e.outside_unit_interval = 10;
  EXPECT_TRUE(diagnose(e).empty()) << "real numbers have no range";
}

// What is claimed of a run without findings is what there were numbers for.
TEST(DiagnosisRules, SayWhatWasLookedAt) {
  const auto claims = [](const Evidence& e, const std::string& part) {
    return std::ranges::any_of(
        checks_of(e), [&](const std::string& claim) { return claim.find(part) != claim.npos; });
  };
  Evidence e = healthy();
  for (const char* part : {"units of the code", "output", "[0, 1]", "KL", "held-out"})
    EXPECT_TRUE(claims(e, part)) << part;
  EXPECT_FALSE(claims(e, "contest") || claims(e, "book"));
  e.validation.reset();
  EXPECT_FALSE(claims(e, "held-out"));
  e.likelihood = "gaussian_optimal";
  EXPECT_FALSE(claims(e, "[0, 1]"));
  e.has_posterior = false;
  EXPECT_FALSE(claims(e, "units of the code") || claims(e, "KL"));
  EXPECT_EQ(checks_of({.has_posterior = false, .discriminator_accuracy = 0.7}).size(), 1u);
}

}  // namespace
}  // namespace latent::measure
