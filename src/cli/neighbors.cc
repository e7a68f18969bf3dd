// latent neighbors: the rows whose codes lie nearest to that of a row, as a table or as pictures.
#include "measure/neighbors.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "cli/lists.h"
#include "cli/model_input.h"
#include "cli/output.h"
#include "cli/pictures.h"
#include "cli/sentences.h"
#include "cli/verbs.h"
#include "data/dataset.h"
#include "data/text_content.h"
#include "report/words.h"
#include "train/preprocess.h"

namespace latent::cli {

namespace {

using measure::Metric;
using measure::Neighbor;

struct NeighborFlags {
  ModelFlags model;
  DataFlags data;
  Output out{.piped = Format::csv};
  std::string rows, query, sentence, metric = "euclidean";
  int64_t k = 10;
  bool json = false;
};

/// Rows to find neighbors of: of the data by number, or all of another file.
struct Queries {
  std::vector<int64_t> rows;         // of the data, or of the file; 0 of a sentence
  bool own = true;                   // a row of the data is no neighbor of itself
  std::vector<float> values;         // [queries, inputs]
  std::vector<int32_t> labels = {};  // of a model that is conditioned on them
};

Queries queries_of(const NeighborFlags& flags, const Model& model, const Data& data) {
  if (flags.rows.empty() + flags.query.empty() + flags.sentence.empty() != 2) {
    throw UsageError(
        "give the rows to find neighbors of: one of --row R, --query FILE and, of text, "
        "--sentence TEXT");
  }
  if (!flags.sentence.empty())
    return {.rows = {0}, .own = false, .values = sentence_rows(model, {flags.sentence})};
  Queries q{.own = flags.query.empty()};
  const Data source = q.own ? data : open_beside(flags.data, flags.query, model);
  if (q.own) q.rows = row_numbers(flags.rows, data);
  for (int64_t i = 0; !q.own && i < source.size(); ++i) q.rows.push_back(i);
  q.values = rows_at(source, q.rows);
  q.labels = labels_at(model, source, q.rows);
  return q;
}

void write_neighbors(const Output& out, const Queries& q, const std::vector<std::string>& names,
                     const std::vector<std::vector<Neighbor>>& found) {
  constexpr size_t kColumns = 4;
  const size_t k = found[0].size();
  Tensor t({static_cast<int64_t>(found.size() * k), kColumns}, DType::f64);
  double* to = t.span<double>().data();
  std::vector<std::string> of_rows;
  for (size_t i = 0; i < found.size(); ++i) {
    for (size_t rank = 0; rank < k; ++rank, to += kColumns) {
      to[0] = static_cast<double>(q.rows[i]);
      to[1] = static_cast<double>(rank + 1);
      to[2] = static_cast<double>(found[i][rank].row);
      to[3] = found[i][rank].distance;
      if (!names.empty()) of_rows.push_back(names[static_cast<size_t>(found[i][rank].row)]);
    }
  }
  write_table(out, t, {"query", "rank", "row", "distance"}, of_rows);
}

/// Of text: each query, then the rows nearest to it, with their distances.
void write_lines(const Output& out, const Model& model, const Data& data, const Queries& q,
                 const std::vector<std::vector<Neighbor>>& found) {
  const FittedText fitted = fitted_text(model.preprocessing().content);
  const std::vector<std::string> asked = texts_of(fitted, q.values);
  std::string text;
  for (size_t i = 0; i < found.size(); ++i) {
    text += asked[i] + "\n";
    for (const Neighbor& n : found[i])
      text += fmt::format("{:10.4f}  {}\n", n.distance, texts_of(fitted, data.values(n.row, 1))[0]);
  }
  write_file_atomic(out.path, text);
}

/// A line a query: the row itself, then its neighbors.
void draw(const std::string& path, const Model& model, const Data& data, const Queries& q,
          const std::vector<std::vector<Neighbor>>& found) {
  const auto inputs = static_cast<size_t>(model.inputs());
  std::vector<float> pictures;
  for (size_t i = 0; i < found.size(); ++i) {
    const auto first = q.values.begin() + static_cast<ptrdiff_t>(i * inputs);
    pictures.insert(pictures.end(), first, first + static_cast<ptrdiff_t>(inputs));
    for (const Neighbor& n : found[i]) {
      const std::vector<float> row = data.values(n.row, 1);
      pictures.insert(pictures.end(), row.begin(), row.end());
    }
  }
  write_grid(path, model, pictures, static_cast<int64_t>(found[0].size()) + 1);
}

nlohmann::json json_of(const Queries& q, const std::vector<std::string>& names,
                       const std::vector<std::vector<Neighbor>>& found, const std::string& metric) {
  nlohmann::json j = {{"metric", metric}, {"queries", nlohmann::json::array()}};
  for (size_t i = 0; i < found.size(); ++i) {
    nlohmann::json one = {{"query", q.rows[i]}, {"neighbors", nlohmann::json::array()}};
    for (const Neighbor& n : found[i]) {
      nlohmann::json neighbor = {{"row", n.row}, {"distance", n.distance}};
      if (!names.empty()) neighbor["name"] = names[static_cast<size_t>(n.row)];
      one["neighbors"].push_back(std::move(neighbor));
    }
    j["queries"].push_back(std::move(one));
  }
  return j;
}

int run(const NeighborFlags& flags) {
  const bool writes = !flags.json || flags.out.path != "-";
  const Model model = open_model(flags.model);
  const Format format = writes ? data_format_of(flags.out, model) : Format::csv;
  if (format == Format::own && !reads_text(model))
    throw UsageError("neighbors are written as .npy, .csv or .png");
  if (flags.out.path != "-") tell_model(flags.model, model);
  const Data data = open_rows(flags.data, model);
  const std::vector<std::string>& names = data.dataset().names();
  const Queries q = queries_of(flags, model, data);
  if (q.own && data.size() < 2) throw UsageError(data.name() + " has one row and no neighbors");
  const std::vector<float> codes = map_rows(
                               model, data,
                               [&](auto rows, auto labels) { return model.encode(rows, labels); }),
                           asked = model.encode(q.values, q.labels);
  const Metric metric = flags.metric == "cosine" ? Metric::cosine : Metric::euclidean;
  const auto width = static_cast<size_t>(model.latent());
  std::vector<std::vector<Neighbor>> found;
  for (size_t i = 0; i < q.rows.size(); ++i) {
    found.push_back(measure::nearest(codes, std::span(asked).subspan(i * width, width), flags.k,
                                     metric, q.own ? q.rows[i] : -1));
  }
  if (writes && format == Format::png)
    draw(flags.out.path, model, data, q, found);
  else if (writes && format == Format::own)
    write_lines(flags.out, model, data, q, found);
  else if (writes)
    write_neighbors(flags.out, q, names, found);
  if (writes)
    tell_written(flags.out,
                 fmt::format("{} nearest of {}, for {}; counted from 0", found[0].size(),
                             counted(data.size(), "row"), counted(std::ssize(found), "row")));
  if (flags.json) print_json(json_of(q, names, found, flags.metric));
  return 0;
}

}  // namespace

Action add_neighbors(Flags& flags) {
  auto asked = std::make_shared<NeighborFlags>();
  add_model_flags(flags, asked->model);
  add_data_flags(flags, asked->data);
  flags.add("-r,--row", "R,..", asked->rows, "rows of DATA, counted from 0");
  flags.add("--query", "FILE", asked->query, "instead: rows of another file");
  flags.add("--sentence", "TEXT", asked->sentence, "instead, of a model of text: this sentence");
  flags.add("-k,--k", "N", asked->k, "neighbors of each", {1, 1e6});
  flags.add("--metric", "METRIC", asked->metric, "distance of codes: euclidean, cosine",
            {"euclidean", "cosine"});
  add_output_flags(flags, asked->out);
  flags.add("--json", asked->json, "as JSON");
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
