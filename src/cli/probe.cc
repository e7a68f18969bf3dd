// latent probe: how well simple classifiers find labels from codes, beside principal components of
// the same number and the values themselves, on rows that they did not learn from.
#include "measure/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/evaluation.h"
#include "cli/help.h"
#include "cli/labels.h"
#include "cli/model_input.h"
#include "cli/output.h"
#include "cli/run_info.h"
#include "cli/verbs.h"
#include "data/loader.h"
#include "measure/pca.h"
#include "train/preprocess.h"

namespace latent::cli {

namespace {

using namespace measure;

struct ProbeFlags {
  ModelFlags model;
  DataFlags data;
  int64_t neighbors = 5, most = 5000, seed = 1;
  double held_out = 0.2;
  bool json = false;
};

/// Rows to learn from and to be asked about.
struct Sides {
  RowSource train, test;
  std::string text;
};

Sides sides_of(const ProbeFlags& flags, const Model& model, const Data& data) {
  const std::optional<Split> run = split_of_run(flags.model.path, data);
  const bool own = run && !run->validation.empty();
  const Split rows =
      own ? *run : split(data.size(), flags.held_out, static_cast<uint64_t>(flags.seed));
  const Scaling& scaling = model.preprocessing().scaling;
  Sides s{some_rows(rows_of(data.dataset(), scaling, rows.train), flags.most),
          some_rows(rows_of(data.dataset(), scaling, rows.validation), flags.most), ""};
  s.text = fmt::format("learnt from {} rows{}, asked about {}{}", s.train.size(),
                       own ? " that the model was trained on" : "", s.test.size(),
                       own ? " that the run held out" : "");
  return s;
}

/// Classes as numbers from 0.
std::vector<int32_t> classes_at(const std::vector<int32_t>& labels, const RowSource& rows) {
  std::map<int32_t, int32_t> number;
  for (const int32_t label : labels) number.emplace(label, 0);
  int32_t next = 0;
  for (auto& [label, n] : number) n = next++;
  std::vector<int32_t> classes;
  for (const int32_t row : rows.rows)
    classes.push_back(number.at(labels[static_cast<size_t>(row)]));
  return classes;
}

std::vector<float> values_of(const RowSource& rows, int64_t inputs) {
  std::vector<float> x(rows.rows.size() * static_cast<size_t>(inputs));
  rows.read(rows.rows, x.data());
  return x;
}

struct Line {
  std::string name, text;
  int64_t width = 0;
  ProbeResult result;
};

std::vector<Line> measure_all(const ProbeFlags& flags, const Model& model, const Data& data,
                              const Sides& sides) {
  const std::vector<int32_t> labels = labels_of(data), train = classes_at(labels, sides.train),
                             test = classes_at(labels, sides.test);
  Evaluator evaluator(view_of(model.architecture()), model.weights(),
                      {.threads = static_cast<int>(flags.model.threads)});
  const int64_t inputs = model.inputs();
  const Pca pca = pca_of(sides.train, inputs, model.latent());
  std::vector<Line> lines;
  const auto add = [&](const char* name, std::string text, int64_t width,
                       const std::vector<float>& a, const std::vector<float>& b) {
    lines.push_back({name, std::move(text), width,
                     probe({width, a, train}, {width, b, test}, {.neighbors = flags.neighbors})});
  };
  add("codes", fmt::format("codes, {} units", model.latent()), model.latent(),
      evaluator.codes(sides.train).mean, evaluator.codes(sides.test).mean);
  add("pca", fmt::format("PCA of {}", pca.size()), pca.size(), project(pca, sides.train),
      project(pca, sides.test));
  // A linear probe solves for (inputs + 1)^2 numbers: 134 MB in double at this bound.
  constexpr int64_t kMostInputs = 4096;
  if (inputs <= kMostInputs) {
    add("inputs", fmt::format("all {} values", inputs), inputs, values_of(sides.train, inputs),
        values_of(sides.test, inputs));
  } else {
    fmt::print(stderr, "the {} values themselves are not probed: more than {}\n", inputs,
               kMostInputs);
  }
  return lines;
}

/// What always naming the commonest class of the test rows would reach.
double commonest(const std::vector<int32_t>& classes) {
  int64_t most = 0;
  for (const int32_t c : classes) most = std::max<int64_t>(most, std::ranges::count(classes, c));
  return static_cast<double>(most) / static_cast<double>(classes.size());
}

int run(const ProbeFlags& flags) {
  const Model model = open_model(flags.model);
  if (model.architecture().classes > 0) {
    throw UsageError(
        "the encoder of this model is given the label of each row, so that its codes are told what "
        "a probe is to find: only a model without --condition can be probed");
  }
  tell_model(flags.model, model);
  const Data data = open_rows(flags.data, model);
  const Sides sides = sides_of(flags, model, data);
  const std::vector<Line> lines = measure_all(flags, model, data, sides);
  const double chance = commonest(classes_at(labels_of(data), sides.test));
  if (flags.json) {
    nlohmann::json j = {{"trained", sides.train.size()},
                        {"tested", sides.test.size()},
                        {"neighbors", flags.neighbors},
                        {"commonest", chance}};
    for (const Line& l : lines)
      j["features"][l.name] = {{"width", l.width},
                               {"linear", to_json(l.result.linear)},
                               {"neighbors", to_json(l.result.neighbors)}};
    print_json(j);
    return 0;
  }
  tell(fmt::format("{:<18}  {:>16}  {:>16}\n", "accuracy of", "a linear probe",
                   fmt::format("{} neighbors", flags.neighbors)));
  for (const Line& l : lines) {
    tell(fmt::format("{:<18}  {:>16}  {:>16}\n", l.text, with_bar(l.result.linear),
                     with_bar(l.result.neighbors)));
  }
  tell(fmt::format("{:<18}  {:>7.3f}\n", "commonest label", chance));
  fmt::print(stderr, "{}; +- is 1.96 standard errors over rows\n", sides.text);
  return 0;
}

}  // namespace

Action add_probe(Flags& flags) {
  auto asked = std::make_shared<ProbeFlags>();
  add_model_flags(flags, asked->model);
  add_data_flags(flags, asked->data);
  flags.add("--neighbors", "K", asked->neighbors, "rows that vote", {1, 1000});
  flags.add("--held-out", "X", asked->held_out,
            "fraction asked about, where the model is no run of these data that held out rows",
            {0.01, 0.99});
  flags.add("--most", "N", asked->most, "rows at most on either side, spread evenly over all",
            {2, 100000});
  flags.add("--seed", "N", asked->seed, "of what is held out", {0, 1e15});
  flags.add("--json", asked->json, "as JSON");
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
