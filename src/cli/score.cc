// latent score: how strange each row is to a model, beside the two detectors that need no model:
// the norm of standardized rows, and what principal components of the code's size leave over.
#include "measure/score.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "cli/evaluation.h"
#include "cli/labels.h"
#include "cli/lists.h"
#include "cli/model_input.h"
#include "cli/output.h"
#include "cli/pictures.h"
#include "cli/run_info.h"
#include "cli/verbs.h"
#include "measure/pca.h"
#include "measure/ranking.h"
#include "report/heat.h"
#include "report/png.h"
#include "report/words.h"
#include "train/preprocess.h"

namespace latent::cli {

namespace {

using namespace measure;

struct ScoreFlags {
  ModelFlags model;
  DataFlags data;
  Output out{.piped = Format::csv};
  std::string by = "auto", reference, anomaly, heatmap;
  int64_t samples = 16, seed = 1, shown = 8;
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
    Data other = open_beside(flags.data, flags.reference, model);
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
  const auto sigma = evaluator.sigma_of(normal);  // one for all rows, of those that are normal
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

/// The `most` strangest rows, the strangest first.
std::vector<int64_t> strangest(const std::vector<double>& scores, int64_t most) {
  std::vector<int64_t> rows(scores.size());
  std::iota(rows.begin(), rows.end(), int64_t{0});
  const auto score_of = [&](int64_t row) { return scores[static_cast<size_t>(row)]; };
  std::ranges::stable_sort(rows, std::greater(), score_of);
  rows.resize(static_cast<size_t>(std::min<int64_t>(most, std::ssize(rows))));
  return rows;
}

/// A row's number, and its name if it has one.
std::string row_text(const Data& data, int64_t row) {
  const std::vector<std::string>& names = data.dataset().names();
  return names.empty() ? std::to_string(row)
                       : fmt::format("{} {}", row, names[static_cast<size_t>(row)]);
}

/// Where in the strangest pictures the model errs; or, in an NPY file, in all.
void write_heat(const ScoreFlags& flags, const Model& model, const Data& data,
                const std::vector<double>& scores) {
  if (flags.heatmap.ends_with(".npy")) {
    const auto errors = map_rows(model, data, [&](auto x, auto labels) {
      return pixel_errors(model, x, model.reconstruct(x, labels));
    });
    const Shape row = model.row_shape();
    write_rows({flags.heatmap}, errors, {row[0], row[1]}, {});
    tell_written({flags.heatmap},
                 fmt::format("squared errors of the pixels of {} rows", data.size()));
    return;
  }
  const std::vector<int64_t> rows = strangest(scores, flags.shown);
  const std::vector<float> x = rows_at(data, rows);
  float greatest = 0;
  const std::vector<float> back = model.reconstruct(x, labels_at(model, data, rows));
  const Picture p = heat_picture(model, x, back, greatest);
  write_png(flags.heatmap, p.pixels, p.height, p.width, p.channels);
  std::string text;
  for (const int64_t row : rows) text += (text.empty() ? "" : ", ") + row_text(data, row);
  tell_written({flags.heatmap},
               fmt::format("a line a row, the strangest first: the row, its reconstruction, its "
                           "squared error, white from {:.3g} on; rows {}",
                           greatest, text));
}

void tell_strangest(const std::vector<double>& scores, const Data& data) {
  std::string text;
  for (const int64_t row : strangest(scores, 5)) {
    text += fmt::format("{}{} ({:.4g})", text.empty() ? "" : ", ", row_text(data, row),
                        scores[static_cast<size_t>(row)]);
  }
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
  if (!flags.heatmap.empty()) {
    check_draws_pictures(model);
    if (!flags.heatmap.ends_with(".png") && !flags.heatmap.ends_with(".npy"))
      throw UsageError("--heatmap writes .png or .npy, found \"" + flags.heatmap + "\"");
  }
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
    tell_strangest(columns[0].scores, data);
    tell_correlations(columns);
  }
  if (!flags.json || flags.out.path != "-") {
    std::vector<std::string> names;
    for (const Column& c : columns) names.push_back(c.name);
    write_table(flags.out, table_of(columns), names, data.dataset().names());
    tell_written(flags.out, fmt::format("scores of {}", counted(data.size(), "row")));
  }
  if (!flags.heatmap.empty()) write_heat(flags, model, data, columns[0].scores);
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
  flags.add(
      "--heatmap", "FILE", asked->heatmap,
      "of pictures: .png, where the model errs in the strangest rows; .npy, the squared error "
      "of each pixel of all");
  flags.add("--shown", "N", asked->shown, "rows in that .png", {1, 1000});
  flags.add("--samples", "N", asked->samples, "draws of the code a row", {1, 1e6});
  flags.add("--seed", "N", asked->seed, "of the draws", {0, 1e15});
  flags.add("--json", asked->json, "as JSON, with the scores unless these go to a file");
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
