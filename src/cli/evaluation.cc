// Measuring; see evaluation.h.
#include "cli/evaluation.h"

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
constexpr int64_t kMostSigmaRows = 4096;

/// Root mean squares over rows and values, in the data's units: of reconstruction minus row, and of
/// row minus the mean row. Gives whether any value in model space is neither 0 nor 1.
bool add_rmse(Evaluator& model, const RowSource& source, const Data& data, const Scaling& scaling,
              Evaluation& e) {
  constexpr int64_t kRows = 4096;
  const auto width = static_cast<size_t>(e.inputs);
  std::vector<double> sum(width), squares(width);
  double errors = 0;
  bool grey = false;
  for (int64_t at = 0; at < source.size(); at += kRows) {
    const auto first = source.rows.begin() + at;
    const RowSource piece = source.with({first, first + std::min(kRows, source.size() - at)});
    std::vector<float> made = model.reconstruct(piece), rows(made.size());
    source.read(piece.rows, rows.data());
    grey = grey || std::ranges::any_of(rows, [](float v) { return v != 0 && v != 1; });
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
  return grey;
}

/// Counts tokens, and those that come back.
TextNumbers measure_text(Evaluator& model, const RowSource& source, const Evaluation& e) {
  TextNumbers t;
  const std::vector<float> made = model.reconstruct(source);
  std::vector<float> rows(made.size());
  source.read(source.rows, rows.data());
  int64_t same = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    t.tokens += rows[i] > 0;
    same += rows[i] > 0 && rows[i] == made[i];
  }
  const auto tokens = static_cast<double>(t.tokens), n = static_cast<double>(source.size());
  t.given_back = static_cast<double>(same) / tokens;
  t.perplexity = std::exp(e.loss.value * n / tokens);
  if (e.posterior && e.posterior->iwae)
    t.perplexity_iwae = std::exp(-e.posterior->iwae->value * n / tokens);
  return t;
}

PosteriorNumbers measure_posterior(Evaluator& model, const RowSource& rows,
                                   const RowSource& trained, int64_t k, Evaluation& e) {
  PosteriorNumbers p;
  // One sigma for all numbers, of the rows trained on where they are known.
  std::optional<double> sigma;
  if (e.likelihood == "gaussian_optimal")
    sigma = model.elbo(some_rows(trained, kMostSigmaRows)).sigma;
  const Elbo elbo = model.elbo(rows, 1, sigma);
  p.nll = mean_of(elbo.nll);
  p.kl = mean_of(elbo.kl);
  p.sigma = elbo.sigma;
  e.loss = elbo.negative_elbo();
  if (k > 0) {
    const Iwae iwae = model.iwae(rows, k, sigma);
    p.iwae = mean_of(iwae.bound);
    p.log_likelihood = iwae.log_likelihood();
    p.draws_bar = iwae.bar();
    p.weak_rows = iwae.weak_rows();
  }
  const RowSource some = some_rows(rows, kMostInformationRows);
  p.mutual_information = mutual_information(model.codes(some), model.draws(some));
  p.information_rows = some.size();
  return p;
}

/// Of a model whose code of a row is one: its loss, and its parts where the code has a prior.
void measure_code(Evaluator& model, const RowSource& rows, Evaluation& e) {
  std::vector<double> nll = model.reconstruction_nll(rows);
  if (model.view().prior_nll) {
    const std::vector<double> kl = model.code_nll(rows);
    e.coded = {mean_of(nll), mean_of(kl)};
    std::ranges::transform(nll, kl, nll.begin(), std::plus<>());
  }
  e.loss = mean_of(nll);
}

template <class T>
json or_null(const std::optional<T>& v) {
  return v ? json(*v) : json();
}

}  // namespace

json to_json(const Estimate& e) { return {{"value", e.value}, {"error", e.error}}; }

Evaluation evaluate(const Model& model, const Data& data, const EvaluationOptions& o) {
  const Scaling& scaling = model.preprocessing().scaling;
  const ModelView view = view_of(model.architecture());
  Evaluator evaluator(view, model.weights(), {.threads = o.threads, .seed = o.seed});
  const RowSource rows = rows_of(data.dataset(), scaling, o.rows);
  const RowSource trained = o.trained.empty() ? rows : rows_of(data.dataset(), scaling, o.trained);
  Evaluation e{.likelihood = view.likelihood.name, .rows = rows.size(), .inputs = view.inputs};
  e.beta = json::parse(model.architecture().config).value("beta", 1.0);
  if (evaluator.has_posterior())
    e.posterior = measure_posterior(evaluator, rows, trained, o.k, e);
  else
    measure_code(evaluator, rows, e);
  if (model.preprocessing().content.kind == "text") e.text = measure_text(evaluator, rows, e);
  const double bits =
      data.dataset().range("x").integral ? quantization_bits(scaling, e.likelihood) : 0;
  e.quantized = bits != 0;
  e.bits_per_dimension = bits_per_dimension(e.loss.value, e.inputs, bits);
  if (e.text) e.bits_per_dimension = std::log2(e.text->perplexity);
  const bool grey = !e.text && add_rmse(evaluator, rows, data, scaling, e);
  e.normalized = e.likelihood != "squared_error" && !(grey && e.likelihood == "bernoulli");
  e.units = unit_statistics(evaluator.codes(rows));
  const bool held_out = !o.trained.empty() && o.rows != o.trained;
  e.discriminator_accuracy = discriminator_accuracy(model, data, trained);
  const Evidence evidence = gather_evidence(evaluator, trained, held_out ? &rows : nullptr,
                                            {.beta = e.beta,
                                             .discriminator_accuracy = e.discriminator_accuracy,
                                             .codebook = codebook_use(model, data, trained)});
  if (e.posterior && evidence.noise_variance)
    e.effective_beta = effective_beta(1 / (2 * *evidence.noise_variance), e.beta);
  e.findings = diagnose(evidence);
  return e;
}

Evaluation evaluate_generator(const Model& model, const Data& data, const EvaluationOptions& o) {
  const Architecture& a = model.architecture();
  const RowSource rows = rows_of(data.dataset(), model.preprocessing().scaling,
                                 o.trained.empty() ? o.rows : o.trained);
  Evaluation e{.likelihood = a.likelihood->name, .rows = rows.size(), .inputs = a.inputs};
  e.discriminator_accuracy = discriminator_accuracy(model, data, rows);
  e.findings = diagnose_contest(e.discriminator_accuracy);
  return e;
}

json to_json(const Evaluation& e, int64_t k) {
  json j = {{"likelihood", e.likelihood},
            {"rows", e.rows},
            {"inputs", e.inputs},
            {"loss", to_json(e.loss)},
            {"bits_per_dimension", e.bits_per_dimension},
            {"normalized", e.normalized},
            {"quantized", e.quantized},
            {"rmse", e.rmse},
            {"deviation", e.deviation},
            {"beta", e.beta},
            {"effective_beta", or_null(e.effective_beta)},
            {"active_units", active_units(e.units)},
            {"units", json::array()},
            {"findings", json::array()}};
  if (e.discriminator_accuracy) j["discriminator_accuracy"] = *e.discriminator_accuracy;
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
  for (const Finding& f : e.findings) {
    j["findings"].push_back({{"kind", f.kind == Finding::Kind::fault ? "fault" : "remark"},
                             {"code", f.code},
                             {"sentence", f.sentence},
                             {"advice", f.advice}});
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
  j["sigma"] = or_null(p.sigma);
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
