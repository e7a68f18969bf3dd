// Measuring; see evaluation.h.
#include "cli/evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/dataset.h"
#include "measure/view.h"
#include "train/loss_parts.h"
#include "train/preprocess.h"

namespace latent::cli {

namespace {

using namespace measure;
using nlohmann::json;

constexpr int64_t kMostInformationRows = 2000;  // its cost grows with the square

/// Values in model space: whether any is neither 0 nor 1, and whether any is no k / 255.
struct Levels {
  bool grey = false, off_bytes = false;
};

/// Root mean squares over rows and values, in the data's units: of reconstruction minus row, and of
/// row minus the mean row.
Levels add_rmse(Evaluator& model, const RowSource& source, const Data& data, const Scaling& scaling,
                Evaluation& e) {
  constexpr int64_t kRows = 4096;
  const auto width = static_cast<size_t>(e.inputs);
  std::vector<double> sum(width), squares(width);
  double errors = 0;
  Levels levels;
  for (int64_t at = 0; at < source.size(); at += kRows) {
    const auto first = source.rows.begin() + at;
    const RowSource piece = source.with({first, first + std::min(kRows, source.size() - at)});
    std::vector<float> made = model.reconstruct(piece), rows(made.size());
    source.read(piece.rows, rows.data());
    for (const float v : rows) {
      levels.grey = levels.grey || (v != 0 && v != 1);
      const float byte = 255 * v;
      levels.off_bytes = levels.off_bytes || std::abs(byte - std::round(byte)) > 0.01f;
    }
    scaling.undo(made);
    data.dataset().gather("x", piece.rows, rows.data());
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto x = static_cast<double>(rows[i]), d = static_cast<double>(made[i]) - x;
      errors += d * d;
      sum[i % width] += x;
      squares[i % width] += x * x;
    }
  }
  const auto n = static_cast<double>(source.size()), values = n * static_cast<double>(width);
  double variance = 0;
  for (size_t j = 0; j < width; ++j) variance += squares[j] - sum[j] * sum[j] / n;
  e.rmse = std::sqrt(errors / values);
  e.deviation = std::sqrt(std::max(0.0, variance / values));
  return levels;
}

/// Whether the bins of discretized_logistic, 1 / 255 wide around each value, overlap: their masses
/// then add to more than 1. They do not around bytes, nor around whole numbers that scaling leaves
/// a bin apart.
bool bins_overlap(const Levels& levels, bool integral, const Scaling& scaling) {
  const auto apart = [](double scale) { return std::abs(scale) >= 1 / 255.0; };
  return levels.off_bytes && !(integral && std::ranges::all_of(scaling.scale, apart));
}

/// Counts tokens, and those that come back; `losses` are the rows'.
TextNumbers measure_text(Evaluator& model, const RowSource& source, std::span<const double> losses,
                         const Evaluation& e) {
  TextNumbers t;
  const std::vector<float> made = model.reconstruct(source);
  std::vector<float> rows(made.size());
  source.read(source.rows, rows.data());
  int64_t same = 0;
  std::vector<double> of_row(losses.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    t.tokens += rows[i] > 0;
    of_row[i / static_cast<size_t>(e.inputs)] += rows[i] > 0;
    same += rows[i] > 0 && rows[i] == made[i];
  }
  const auto tokens = static_cast<double>(t.tokens), n = static_cast<double>(source.size());
  t.given_back = static_cast<double>(same) / tokens;
  t.nats = ratio_of(losses, of_row);
  t.perplexity = std::exp(t.nats.value);
  if (e.posterior && e.posterior->iwae)
    t.perplexity_iwae = std::exp(-e.posterior->iwae->value * n / tokens);
  return t;
}

/// Of a VAE; gives each row's negative ELBO.
std::vector<double> measure_posterior(Evaluator& model, const RowSource& rows, int64_t k,
                                      Evaluation& e) {
  PosteriorNumbers& p = e.posterior.emplace();
  const Elbo elbo = model.elbo(rows, 1, e.sigma);
  p.nll = mean_of(elbo.nll);
  p.kl = mean_of(elbo.kl);
  if (k > 0) {
    const Iwae iwae = model.iwae(rows, k, e.sigma);
    p.iwae = mean_of(iwae.bound);
    p.log_likelihood = iwae.log_likelihood();
    p.draws_bar = iwae.bar();
    p.weak_rows = iwae.weak_rows();
  }
  const RowSource some = some_rows(rows, kMostInformationRows);
  p.mutual_information = mutual_information(model.codes(some), model.draws(some));
  p.information_rows = some.size();
  return elbo.rows();
}

/// Of a model whose code of a row is one, its parts where the code has a prior; gives each row's
/// loss.
std::vector<double> measure_code(Evaluator& model, const RowSource& rows, Evaluation& e) {
  std::vector<double> nll = model.reconstruction_nll(rows, e.sigma);
  if (model.view().prior_nll) {
    const std::vector<double> kl = model.code_nll(rows);
    e.coded = {mean_of(nll), mean_of(kl)};
    std::ranges::transform(nll, kl, nll.begin(), std::plus<>());
  }
  return nll;
}

template <class T>
json or_null(const std::optional<T>& v) {
  return v ? json(*v) : json();
}

}  // namespace

std::string use_of(const measure::CodebookUse& use) {
  std::string text = fmt::format("{:.1f} of {} codes", use.perplexity, use.codes);
  if (use.levels > 1)
    text += fmt::format(", mean of {} levels, the least {:.1f}", use.levels, use.least_perplexity);
  return text;
}

std::string loss_name(bool bound, const std::string& likelihood) {
  return (bound ? "negative ELBO, " : "reconstruction, ") + likelihood;
}

std::string no_bits(const Evaluation& e) {
  if (e.bits_per_dimension) return "";
  return "the values lie closer than the bins of " + e.likelihood +
         ", 1/255 wide, whose probabilities add to more than 1; take a density (--likelihood "
         "gaussian)";
}

std::string with_bar(const Estimate& e, int digits) {
  return fmt::format("{:.{}f} +- {:.{}f}", e.value, digits, bar95(e), digits);
}

json to_json(const Estimate& e) { return {{"value", e.value}, {"error", e.error}}; }

Evaluation evaluate(const Model& model, const Data& data, const EvaluationOptions& o) {
  const Scaling& scaling = model.preprocessing().scaling;
  const ModelView view = view_of(model.architecture());
  Evaluator evaluator(view, model.weights(), {.threads = o.threads, .seed = o.seed});
  const RowSource rows = rows_of(data.dataset(), scaling, o.rows);
  // One sigma for all numbers, of the rows trained on where they are known.
  const Data& own = o.trained.empty() || !o.training_data ? data : *o.training_data;
  const RowSource trained = o.trained.empty() ? rows : rows_of(own.dataset(), scaling, o.trained);
  Evaluation e{.likelihood = view.likelihood.name, .rows = rows.size(), .inputs = view.inputs};
  e.beta = json::parse(model.architecture().config).value("beta", 1.0);
  e.sigma = evaluator.sigma_of(trained);
  const std::vector<double> losses = evaluator.has_posterior()
                                         ? measure_posterior(evaluator, rows, o.k, e)
                                         : measure_code(evaluator, rows, e);
  e.loss = mean_of(losses);
  if (model.preprocessing().content.kind == "text")
    e.text = measure_text(evaluator, rows, losses, e);
  const bool integral = data.dataset().range("x").integral;
  const double bits = integral ? quantization_bits(scaling, e.likelihood) : 0;
  e.quantized = bits != 0;
  const Levels levels = e.text ? Levels() : add_rmse(evaluator, rows, data, scaling, e);
  const bool overlap =
      e.likelihood.starts_with("discretized_logistic") && bins_overlap(levels, integral, scaling);
  e.normalized =
      e.likelihood != "squared_error" && !overlap && !(levels.grey && e.likelihood == "bernoulli");
  if (e.text)
    e.bits_per_dimension = bits_per_dimension(e.text->nats, 1);
  else if (!overlap)
    e.bits_per_dimension = bits_per_dimension(e.loss, e.inputs, bits);
  e.units = unit_statistics(evaluator.codes(rows));
  e.discriminator_accuracy = discriminator_accuracy(model, own, trained);
  e.codebook = codebook_use(model, own, trained);
  const bool split = !o.trained.empty() && !o.held_out.empty();
  const RowSource held = split ? rows_of(data.dataset(), scaling, o.held_out) : RowSource();
  const Evidence evidence = gather_evidence(
      evaluator, trained, &held,
      {.beta = e.beta, .discriminator_accuracy = e.discriminator_accuracy, .codebook = e.codebook});
  if (e.posterior && evidence.noise_variance)
    e.effective_beta = effective_beta(1 / (2 * *evidence.noise_variance), e.beta);
  e.findings = diagnose(evidence);
  e.checks = checks_of(evidence);
  return e;
}

Evaluation evaluate_generator(const Model& model, const Data& data, const EvaluationOptions& o) {
  const Architecture& a = model.architecture();
  const bool known = !o.trained.empty();
  const Data& own = known && o.training_data ? *o.training_data : data;
  const RowSource rows =
      rows_of(own.dataset(), model.preprocessing().scaling, known ? o.trained : o.rows);
  Evaluation e{
      .likelihood = a.likelihood->name, .rows = rows.size(), .inputs = a.inputs, .generator = true};
  e.discriminator_accuracy = discriminator_accuracy(model, own, rows);
  e.findings = diagnose_contest(e.discriminator_accuracy);
  e.checks =
      checks_of({.has_posterior = false, .discriminator_accuracy = e.discriminator_accuracy});
  return e;
}

json to_json(const Evaluation& e, int64_t k) {
  json j = {{"likelihood", e.likelihood},
            {"rows", e.rows},
            {"inputs", e.inputs},
            {"findings", json::array()}};
  for (const Finding& f : e.findings) {
    j["findings"].push_back({{"kind", f.kind == Finding::Kind::fault ? "fault" : "remark"},
                             {"code", f.code},
                             {"sentence", f.sentence},
                             {"advice", f.advice}});
  }
  if (e.discriminator_accuracy) j["discriminator_accuracy"] = *e.discriminator_accuracy;
  if (e.generator) return j;
  j.update({{"loss", to_json(e.loss)},
            {"bits_per_dimension", e.bits_per_dimension ? to_json(*e.bits_per_dimension) : json()},
            {"normalized", e.normalized},
            {"quantized", e.quantized},
            {"rmse", e.rmse},
            {"deviation", e.deviation},
            {"sigma", or_null(e.sigma)},
            {"beta", e.beta},
            {"effective_beta", or_null(e.effective_beta)},
            {"active_units", active_units(e.units)},
            {"units", json::array()}});
  if (e.codebook)
    j["codebook"] = {{"codes", e.codebook->codes},
                     {"perplexity", e.codebook->perplexity},
                     {"levels", e.codebook->levels},
                     {"least_perplexity", e.codebook->least_perplexity}};
  for (const UnitStatistics& u : e.units) {
    j["units"].push_back({{"kl", u.kl},
                          {"mean_variance", u.mean_variance},
                          {"active", u.mean_variance > kActiveVariance}});
  }
  if (e.text) {
    j["text"] = {{"tokens", e.text->tokens},
                 {"perplexity", e.text->perplexity},
                 {"perplexity_iwae", or_null(e.text->perplexity_iwae)},
                 {"given_back", e.text->given_back}};
  }
  if (e.coded) {
    j["negative_elbo"] = to_json(e.loss);
    j["reconstruction"] = to_json(e.coded->nll);
    j["kl"] = to_json(e.coded->kl);
  }
  if (!e.posterior) return j;
  const PosteriorNumbers& p = *e.posterior;
  j["negative_elbo"] = to_json(e.loss);
  j["reconstruction"] = to_json(p.nll);
  j["kl"] = to_json(p.kl);
  j["mutual_information"] = {{"value", p.mutual_information}, {"rows", p.information_rows}};
  if (p.iwae) {
    j["iwae"] = to_json(*p.iwae);
    j["iwae"].update({{"k", k},
                      {"log_likelihood", p.log_likelihood},
                      {"bar95", p.draws_bar},
                      {"weak_rows", p.weak_rows}});
  }
  return j;
}

}  // namespace latent::cli
