// latent score: how strange each row is to a model, beside the two detectors that need no model:
// the norm of standardized rows, and what principal components of the code's size leave over.
#include "measure/score.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "cli/evaluation.h"
#include "cli/labels.h"
#include "cli/model_input.h"
#include "cli/output.h"
#include "cli/run_info.h"
#include "cli/verbs.h"
#include "measure/pca.h"
#include "measure/ranking.h"
#include "report/words.h"
#include "train/preprocess.h"

namespace latent::cli {

namespace {

using namespace measure;

struct ScoreFlags {
  ModelFlags model;
  DataFlags data;
  Output out{.piped = Format::csv};
  std::string by = "auto", reference, anomaly;
  int64_t samples = 16, seed = 1;
  bool json = false;
};

struct Column {
  std::string name, text;  // of the file, and in words
  std::vector<double> scores;
};

/// The rows that are taken for normal, and what they are in words.
struct Reference {
  Data data;
  std::vector<int32_t> rows;  // none: all
  std::string text;
};

Reference reference_of(const ScoreFlags& flags, const Model& model, const Data& data) {
  if (!flags.reference.empty()) {
    Data other = open_rows({flags.reference, ""}, model);
    std::string text = fmt::format("the {} of {}", counted(other.size(), "row"), other.name());
    return {std::move(other), {}, std::move(text)};
  }
  if (const auto split = split_of_run(flags.model.path, data))
    return {data, split->train, "the rows that the model was trained on"};
  return {data, {}, "the rows that are scored (--reference FILE gives normal ones)"};
}

std::vector<Column> score(const ScoreFlags& flags, const Model& model, const Data& data,
                          const Reference& reference) {
  Evaluator evaluator(view_of(model.architecture()), model.weights(),
                      {.threads = static_cast<int>(flags.model.threads),
                       .seed = static_cast<uint64_t>(flags.seed)});
  const Scaling& scaling = model.preprocessing().scaling;
  const RowSource rows = rows_of(data.dataset(), scaling),
                  normal = rows_of(reference.data.dataset(), scaling, reference.rows);
  const ScoreKind kind = flags.by != "auto"          ? score_named(flags.by)
                         : evaluator.has_posterior() ? ScoreKind::elbo
                                                     : ScoreKind::reconstruction;
  std::optional<double> sigma;  // one for all rows, of those that are normal
  constexpr int64_t kMostSigmaRows = 4096;
  if (evaluator.view().likelihood.name == "gaussian_optimal" && evaluator.has_posterior())
    sigma = evaluator.elbo(some_rows(normal, kMostSigmaRows)).sigma;
  const int64_t inputs = model.inputs(), half = (inputs + 1) / 2;
  // As many components as units, but no more than leave something over.
  const Pca pca = pca_of(normal, inputs, std::clamp<int64_t>(model.latent(), 1, half));
  return {{"score", fmt::format("{}, by {}", model.architecture().name, name_of(kind)),
           anomaly_scores(evaluator, rows, kind, flags.samples, sigma)},
          {"zscore", "norm of z-scores", baseline_scores(baseline_of(normal, inputs), rows)},
          {"pca", fmt::format("PCA of {}", pca.size()), pca_scores(pca, rows)}};
}

Tensor table_of(const std::vector<Column>& columns) {
  const auto width = columns.size(), n = columns[0].scores.size();
  Tensor t({static_cast<int64_t>(n), static_cast<int64_t>(width)}, DType::f64);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < width; ++j) t.span<double>()[i * width + j] = columns[j].scores[i];
  }
  return t;
}

void tell_strangest(const std::vector<double>& scores) {
  std::vector<size_t> rows(scores.size());
  std::iota(rows.begin(), rows.end(), size_t{0});
  std::ranges::stable_sort(rows, [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  std::string text;
  for (size_t i = 0; i < std::min<size_t>(5, rows.size()); ++i)
    text += fmt::format("{}{} ({:.4g})", i > 0 ? ", " : "", rows[i], scores[rows[i]]);
  fmt::print(stderr, "strangest rows, counted from 0: {}\n", text);
}

void tell_correlations(const std::vector<Column>& columns) {
  for (size_t i = 1; i < columns.size(); ++i) {
    const double r = correlation(columns[0].scores, columns[i].scores);
    fmt::print(stderr, "correlation with {}: {:.3f}{}\n", columns[i].text, r,
               r > 0.98 ? ", so the model adds little to it" : "");
  }
}

int run(const ScoreFlags& flags) {
  if (!flags.json) array_format_of(flags.out);
  const Model model = open_model(flags.model);
  tell_model(flags.model, model);
  const Data data = open_rows(flags.data, model);
  const bool labelled = !flags.data.label.empty() || !flags.anomaly.empty();
  std::vector<uint8_t> strange;
  if (labelled) strange = strange_rows(data, flags.anomaly);
  const Reference reference = reference_of(flags, model, data);
  const std::vector<Column> columns = score(flags, model, data, reference);
  fmt::print(stderr, "baselines fitted to {}\n", reference.text);
  nlohmann::json j = {{"rows", data.size()}, {"reference", reference.text}};
  for (const Column& c : columns) {
    nlohmann::json& one = j["detectors"][c.name] = {{"what", c.text}};
    if (flags.out.path == "-") one["scores"] = c.scores;
    if (!labelled) continue;
    const RankingEstimate r = rank_with_errors(c.scores, strange);
    one["auroc"] = to_json(r.auroc);
    one["average_precision"] = to_json(r.average_precision);
    fmt::print(stderr, "{:<22}  AUROC {:.3f} +- {:.3f}  average precision {:.3f} +- {:.3f}\n",
               c.text, r.auroc.value, bar95(r.auroc), r.average_precision.value,
               bar95(r.average_precision));
  }
  if (labelled) {
    const auto count = std::ranges::count(strange, uint8_t{1});
    j["anomalies"] = count;
    fmt::print(stderr, "{} of {} rows are anomalies; +- is 1.96 errors of 500 bootstrap draws\n",
               count, data.size());
  } else {
    tell_strangest(columns[0].scores);
    tell_correlations(columns);
  }
  if (!flags.json || flags.out.path != "-") {
    std::vector<std::string> names;
    for (const Column& c : columns) names.push_back(c.name);
    write_table(flags.out, table_of(columns), names);
    tell_written(flags.out, fmt::format("scores of {}", counted(data.size(), "row")));
  }
  if (flags.json) print_json(j);
  return 0;
}

}  // namespace

Action add_score(Flags& flags) {
  auto asked = std::make_shared<ScoreFlags>();
  add_model_flags(flags, asked->model);
  add_data_flags(flags, asked->data);
  add_output_flags(flags, asked->out);
  flags.add("--by", "SCORE", asked->by,
            "elbo (-ELBO), likelihood (-log p(x)), both in nats and of a VAE, reconstruction "
            "(Euclidean distance); auto: elbo of a VAE, else reconstruction",
            {"auto", "elbo", "likelihood", "reconstruction"});
  flags.add("--reference", "DATA", asked->reference,
            "normal rows, to which the baselines are fitted; none: those trained on where the "
            "model is a run of these data, else the rows that are scored");
  flags.add("--anomaly", "LABEL,..", asked->anomaly,
            "labels that are strange; none: 1, of 0 and 1");
  flags.add("--samples", "N", asked->samples, "draws of the code a row", {1, 1e6});
  flags.add("--seed", "N", asked->seed, "of the draws", {0, 1e15});
  flags.add("--json", asked->json, "as JSON, with the scores unless these go to a file");
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
