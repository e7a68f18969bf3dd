// The rules; see diagnosis.h. Each threshold stands with its reason, and none depends on the seed
// of a healthy run: the tests hold ten of these silent.
#include "measure/diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "measure/score.h"

namespace latent::measure {

namespace {

// A unit's KL below this, in nats, tells nothing that a reconstruction would show.
constexpr double kLeastKl = 0.01;
// Fewer than this share of units in use is more than a generous size of the code explains:
// Burda et al. 2016 found 19 to 25 of 50 in good models.
constexpr double kLeastActive = 0.15;
// Of the data's variance: reconstructions of a code of one good unit keep some percent.
constexpr double kLeastOutput = 1e-3;
// The effective weight of the KL may be off by this factor before it is a fault: the constants of
// likelihoods and noise of the estimates stay far below.
constexpr double kMostBetaFactor = 3;
constexpr double kLeastKlToWeigh = 0.1;  // nats
// 40 to 60 % of a wide relu layer over positive inputs are dead in the healthy runs of the tests;
// with fewer than a fifth alive the layer is no longer that wide.
constexpr double kMostDead = 0.8;
// Held-out rows fare worse by this share of the loss and many standard errors. A reconstruction
// error has no entropy of the data in it, so its share is larger.
constexpr double kMostGap = 0.2, kMostGapOfAutoencoder = 0.5, kGapErrors = 5;
// A discriminator that is right beyond the upper bound leaves its opponent next to no gradient to
// learn by; below the lower one it tells nothing (0.5 is a guess).
constexpr double kMostAccuracy = 0.95, kLeastAccuracy = 0.52;
// Of the codes of a book: below this share a book of a fifth the size would do, and below two codes
// the code says next to nothing. The healthy books of the tests are used to a third and more.
constexpr double kLeastCodes = 0.1, kLeastPerplexity = 1.5;
constexpr double kNormCorrelation = 0.999;

double rounded(double v) { return std::abs(v) < 1e-12 ? 0 : v; }

bool needs_unit_interval(const std::string& likelihood) {
  return likelihood == "bernoulli" || likelihood == "continuous_bernoulli" ||
         likelihood.starts_with("discretized_logistic");
}

void range(const Evidence& e, std::vector<Finding>& out) {
  if (!needs_unit_interval(e.likelihood) || e.outside_unit_interval == 0) return;
  out.push_back(
      {.code = "range",
       .sentence = fmt::format(
           "{} of {} values lie outside [0, 1] (from {:g} to {:g}; the first in row {}), where the "
           "likelihood {} gives no probabilities: its loss has no lower bound and means nothing",
           e.outside_unit_interval, e.rows * e.inputs, e.low, e.high, e.first_row_outside,
           e.likelihood),
       .advice =
           "scale the data to [0, 1] (--scaling minmax), or take a likelihood of real numbers "
           "(--likelihood gaussian_optimal)"});
}

// Whether no code pays: with squared errors over a noise of variance s and KL weighted by beta, a
// direction of variance v is worth encoding iff v > beta s (for a linear decoder: Lucas et al.
// 2019, arXiv 1911.02469; for any, as long as the data's tails are not heavier than a Gaussian's).
bool no_code_pays(const Evidence& e) {
  return e.noise_variance && e.largest_eigenvalue &&
         *e.largest_eigenvalue <= e.beta * *e.noise_variance;
}

std::string smaller_noise(const std::string& likelihood) {
  if (likelihood == "tokens") {
    return "or keep from the decoder some of the tokens before (--word-dropout 0.3) or the distant "
           "ones (--decoder conv)";
  }
  return likelihood == "gaussian_optimal"
             ? "or let the KL weigh less (--set beta=0.1)"
             : "or make the likelihood's noise smaller (--likelihood gaussian_optimal)";
}

// Returns whether the whole code is collapsed.
bool collapse(const Evidence& e, std::vector<Finding>& out) {
  if (!e.has_posterior) return false;
  const int64_t active = active_units(e.units);
  double kl = 0;
  int64_t silent = 0;
  for (const UnitStatistics& u : e.units) {
    kl += u.kl;
    silent += u.kl < kLeastKl && u.mean_variance <= kActiveVariance;
  }
  if (active == 0) {
    const std::string seen = fmt::format(
        "0 of {} units of the code are in use (KL {:.3g} nats): the decoder gives the "
        "same for every row{}",
        e.latent, rounded(kl), e.conditional ? " of a label" : "");
    if (no_code_pays(e)) {
      out.push_back(
          {Finding::Kind::remark, "collapse-is-right",
           seen + fmt::format(
                      ", and that is right here: the likelihood {} assumes noise of variance {:.3g}"
                      "{}, and no direction of the data varies by more than {:.3g}, so that a code "
                      "costs more than it can explain",
                      e.likelihood, *e.noise_variance,
                      e.beta == 1 ? "" : fmt::format(" (times beta {:g})", e.beta),
                      *e.largest_eigenvalue),
           ""});
    } else {
      out.push_back({.code = "collapsed",
                     .sentence = "posterior collapse: " + seen,
                     .advice = "let the weight of the KL grow from 0 (--set warmup_steps=N), give "
                               "each unit some free bits (--set free_bits=0.1), " +
                               smaller_noise(e.likelihood)});
    }
    return true;
  }
  if (static_cast<double>(active) < kLeastActive * static_cast<double>(e.latent) && silent > 0) {
    out.push_back(
        {.code = "collapsed-units",
         .sentence = fmt::format("{} of {} units of the code are in use; {} tell nothing "
                                 "(KL under {:g} nats)",
                                 active, e.latent, silent, kLeastKl),
         .advice = fmt::format(
             "a code of {} units would do the same (--latent {}); to have more in use let "
             "the weight of the KL grow from 0 (--set warmup_steps=N) or lower beta",
             active, std::max<int64_t>(active, 1))});
  }
  return false;
}

void constant_output(const Evidence& e, std::vector<Finding>& out) {
  const double share = e.output_variance / e.variance;
  if (!(e.variance > 0) || share >= kLeastOutput) return;
  out.push_back(
      {.code = "constant-output",
       .sentence =
           fmt::format("the output is the same for every row: reconstructions have {:.2g} of "
                       "the variance of the data",
                       share),
       .advice =
           "check that the data are shuffled and scaled, lower the rate (--lr), train longer; "
           "with relu look for dead units"});
}

// What a weight found in the loss may stem from.
std::string scale_of(double weight, int64_t count, const char* over) {
  const bool averaged = count > 3 && std::abs(weight * static_cast<double>(count) - 1) < 0.25;
  return averaged ? fmt::format(" averaged over {} {}", count, over)
                  : fmt::format(" weighted by {:.3g}", weight);
}

void kl_scale(const Evidence& e, std::vector<Finding>& out) {
  if (!e.has_posterior || !e.trained) return;
  const double reconstruction = e.trained->reconstruction;
  if (!(e.nll > 0) || !(reconstruction > 0)) return;  // a density's loss may be below 0
  const double nll_weight = reconstruction / e.nll;
  // A collapsed code leaves no KL to find the weight of: then what was asked for holds.
  const double kl_weight =
      e.kl > kLeastKlToWeigh ? (e.trained->total - reconstruction) / e.kl : e.beta;
  const double beta = kl_weight / nll_weight;
  if (beta <= e.beta * kMostBetaFactor && beta >= e.beta / kMostBetaFactor) return;
  out.push_back(
      {.code = "kl-scale",
       .sentence =
           fmt::format("the KL divergence weighs {:.3g} times as much as it should (effective beta "
                       "{:.3g}, asked "
                       "for {:g}): the loss has the reconstruction{} and the KL{}",
                       beta / e.beta, beta, e.beta, scale_of(nll_weight, e.inputs, "values"),
                       scale_of(kl_weight / e.beta, e.latent, "units")),
       .advice = "sum both over their dimensions and average over rows only; then set beta on "
                 "purpose"});
}

void dead_units(const Evidence& e, std::vector<Finding>& out) {
  for (const DeadUnits& layer : e.dead) {
    if (static_cast<double>(layer.dead) <= kMostDead * static_cast<double>(layer.units)) continue;
    out.push_back({.code = "dead-units",
                   .sentence = fmt::format("{} of {} units of {} give 0 for every row and learn no "
                                           "more",
                                           layer.dead, layer.units, layer.layer),
                   .advice = "lower the rate (--lr), scale the data, or take an activation that "
                             "never dies (--set activation=leaky_relu)"});
  }
}

void codebook(const Evidence& e, std::vector<Finding>& out) {
  if (!e.codebook) return;
  // Of several levels the one that uses fewest of its codes.
  const double perplexity = e.codebook->least_perplexity;
  const int64_t codes = e.codebook->codes;
  const std::string of = e.codebook->levels == 1 ? "" : " of a level";
  if (perplexity < kLeastPerplexity) {
    out.push_back({.code = "codebook-collapsed",
                   .sentence = fmt::format("the {} codes{} are used as if there were {:.2f}: "
                                           "nearly every place of every row has the same one",
                                           codes, of, perplexity),
                   .advice = "lower the rate (--lr) or the commitment (--commitment 0.1), and let "
                             "unused codes start again sooner (--revive 0.1)"});
  } else if (perplexity < kLeastCodes * static_cast<double>(codes)) {
    out.push_back(
        {.code = "dead-codes",
         .sentence = fmt::format("the {} codes{} are used as if there were {:.1f} (the perplexity "
                                 "of their use): most are dead",
                                 codes, of, perplexity),
         .advice = fmt::format("a codebook of {:.0f} would do (--codes); to have more in use let "
                               "unused ones start again sooner (--revive 0.1)",
                               std::max(2.0, std::ceil(2 * perplexity)))});
  }
}

void gap(const Evidence& e, std::vector<Finding>& out) {
  if (!e.training || !e.validation) return;
  const double difference = e.validation->value - e.training->value;
  const double error = std::hypot(e.training->error, e.validation->error);
  const bool nats = e.likelihood != "squared_error";
  // A density's loss may be near 0 or below: then a twentieth of a nat a value is the scale.
  const double floor = nats ? 0.05 * static_cast<double>(e.inputs) : 0;
  const double most = e.has_posterior ? kMostGap : kMostGapOfAutoencoder;
  const double scale = std::max(std::abs(e.training->value), floor);
  if (difference <= most * scale || difference <= kGapErrors * error) return;
  out.push_back(
      {.code = "gap",
       .sentence = fmt::format("held-out rows fare worse by {:.4g}{} ({:.4g} against {:.4g} on "
                               "rows of the training): the model learned these by heart",
                               difference, nats ? " nats" : " in the loss " + e.likelihood,
                               e.validation->value, e.training->value),
       .advice = "stop earlier (--patience 5), make the model smaller, or give it more rows"});
}

}  // namespace

std::vector<Finding> diagnose_contest(std::optional<double> discriminator_accuracy) {
  std::vector<Finding> out;
  if (!discriminator_accuracy) return out;
  const double accuracy = *discriminator_accuracy;
  if (accuracy > kMostAccuracy) {
    out.push_back({.code = "discriminator-wins",
                   .sentence = fmt::format("the discriminator tells {:.1f} % right: what it judges "
                                           "does not pass for real, and learns little from a loss "
                                           "that is this sure",
                                           100 * accuracy),
                   .advice =
                       "make it smaller (--discriminator 64), lower the rate (--lr), or train "
                       "longer"});
  } else if (accuracy < kLeastAccuracy) {
    out.push_back({.code = "discriminator-guesses",
                   .sentence = fmt::format("the discriminator tells {:.1f} % right, no better than "
                                           "a guess: either all passes for real or it is too weak "
                                           "to tell",
                                           100 * accuracy),
                   .advice = "look at samples; if they are poor, make it larger (--discriminator "
                             "512,512)"});
  }
  return out;
}

std::vector<Finding> diagnose(const Evidence& e) {
  std::vector<Finding> out;
  range(e, out);
  // A collapsed code explains a constant output and leaves no KL to weigh.
  if (!collapse(e, out)) constant_output(e, out);
  kl_scale(e, out);
  dead_units(e, out);
  for (Finding& f : diagnose_contest(e.discriminator_accuracy)) out.push_back(std::move(f));
  codebook(e, out);
  gap(e, out);
  return out;
}

std::vector<std::string> checks_of(const Evidence& e) {
  std::vector<std::string> passed;
  if (e.has_posterior) passed.emplace_back("units of the code are in use");
  if (e.variance > 0) passed.emplace_back("the output differs between rows");
  if (needs_unit_interval(e.likelihood)) passed.emplace_back("all values lie in [0, 1]");
  if (e.has_posterior && e.trained) passed.emplace_back("the KL weighs what was asked for");
  if (e.codebook) passed.emplace_back("the codes of the book are in use");
  if (e.discriminator_accuracy) passed.emplace_back("neither side of the contest wins");
  if (e.training && e.validation) passed.emplace_back("held-out rows fare as those trained on");
  return passed;
}

std::vector<Finding> diagnose_scores(std::span<const double> scores,
                                     std::span<const double> baseline) {
  const double r = correlation(scores, baseline);
  if (r <= kNormCorrelation) return {};
  return {{.code = "score-is-norm",
           .sentence = fmt::format("the scores follow the distance of a row from the mean of the "
                                   "training rows (correlation {:.5f}): the model adds nothing to "
                                   "it, as with a constant output",
                                   r),
           .advice = "look at the model's own diagnosis, or use the distance itself"}};
}

}  // namespace latent::measure
