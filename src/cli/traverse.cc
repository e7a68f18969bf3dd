// latent traverse: one unit of a code moves, the others stay; a line a unit. Units are called as in
// the codes that `latent encode` writes: 1 is z1.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "cli/lists.h"
#include "cli/model_input.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "measure/statistics.h"
#include "measure/walk.h"

namespace latent::cli {

namespace {

struct TraverseFlags {
  ModelFlags model;
  DataFlags data;
  Output out;
  std::string units = "all", range = "-3,3";
  int64_t from = -1, steps = 9, shown = -1;
};

/// The code that all start from, and for each unit what 1 of the range is.
struct Start {
  std::vector<float> code;
  std::vector<double> step;
  std::vector<bool> active;  // empty without data
  std::string text;
  std::vector<int32_t> label = {};  // of a conditional model: what all rows show
};

/// Without data the prior's mean, 0, in the prior's standard deviations of 1. With data the code of
/// the row asked for, else the mean code; codes of an autoencoder have no scale of their own, so
/// that there the range counts standard deviations over the rows.
Start start_of(const TraverseFlags& flags, const Model& model) {
  const auto units = static_cast<size_t>(model.latent());
  const bool prior = model.architecture().prior;
  if (flags.data.spec.empty()) {
    if (!prior || flags.from >= 0)
      throw UsageError(prior ? "--from counts rows of DATA, which was not given"
                             : "a model without a prior has no code to start from; give DATA");
    return {std::vector<float>(units), std::vector<double>(units, 1), {}, "the prior's mean"};
  }
  const Data data = open_rows(flags.data, model);
  measure::Codes codes{.latent = model.latent()};
  codes.mean =
      map_rows(model, data, [&](auto rows, auto labels) { return model.encode(rows, labels); });
  Start s{.step = std::vector<double>(units, 1)};
  const auto statistics = measure::unit_statistics(codes);
  for (size_t j = 0; j < units; ++j) {
    s.active.push_back(statistics[j].mean_variance > measure::kActiveVariance);
    if (!prior) s.step[j] = std::sqrt(statistics[j].mean_variance);
  }
  if (flags.from >= 0) {
    const auto row = row_numbers(std::to_string(flags.from), data, "--from");
    s.label = labels_at(model, data, row);
    s.code = model.encode(rows_at(data, row), s.label);
    s.text = fmt::format("the code of row {}", flags.from);
  } else if (prior) {
    s.code.resize(units);
    s.text = "the prior's mean";
  } else {
    for (size_t j = 0; j < units; ++j) s.code.push_back(static_cast<float>(statistics[j].mean));
    s.text = "the mean code; units move in standard deviations over the rows";
  }
  return s;
}

/// The class asked for, else that of the row started from.
void choose_label(const TraverseFlags& flags, const Model& model, Start& start) {
  const int64_t classes = model.architecture().classes;
  if (flags.shown >= 0) start.label = {static_cast<int32_t>(flags.shown)};
  if (classes > 0 && start.label.empty())
    throw UsageError(
        fmt::format("the model is conditioned on labels; say with --class which of its "
                    "{} classes rows show, or start from a row of DATA by --from",
                    classes));
}

std::vector<int64_t> units_of(const TraverseFlags& flags, const Start& start) {
  const auto n = std::ssize(start.code);
  if (flags.units != "all" && flags.units != "active") {
    std::string names = flags.units;
    std::erase(names, 'z');
    return whole_numbers(names, "--units", 1, n);
  }
  if (flags.units == "active" && start.active.empty())
    throw UsageError("which units are active shows on rows; give DATA too");
  std::vector<int64_t> units;
  for (int64_t i = 1; i <= n; ++i) {
    if (flags.units == "all" || start.active[static_cast<size_t>(i - 1)]) units.push_back(i);
  }
  if (units.empty()) throw UsageError("no unit is active on these rows: latent eval says why");
  return units;
}

/// `steps` numbers evenly from the first to the second of "LOW,HIGH".
std::vector<double> positions(const TraverseFlags& flags) {
  double low = 0, high = 0;
  const std::vector<std::string> ends = split_list(flags.range, "--range");
  if (ends.size() == 2) {
    low = number(ends[0], "--range");
    high = number(ends[1], "--range");
  }
  if (!(low < high)) throw UsageError("--range takes LOW,HIGH, found \"" + flags.range + "\"");
  std::vector<double> at;
  for (int64_t i = 0; i < flags.steps; ++i)
    at.push_back(low +
                 (high - low) * static_cast<double>(i) / static_cast<double>(flags.steps - 1));
  return at;
}

int run(const TraverseFlags& flags) {
  const std::vector<double> at = positions(flags);
  const Model model = open_model(flags.model);
  if (flags.out.path != "-") tell_model(flags.model, model);
  data_format_of(flags.out, model);
  Start start = start_of(flags, model);
  choose_label(flags, model, start);
  const std::vector<int64_t> units = units_of(flags, start);
  std::vector<float> codes;
  for (const int64_t unit : units) {
    const auto j = static_cast<size_t>(unit - 1);
    // From a row's code as from the mean: the unit takes the values, whatever it was.
    const double middle = model.architecture().prior ? 0 : start.code[j];
    std::vector<double> values(at);
    for (double& v : values) v = middle + v * start.step[j];
    const std::vector<float> some = measure::along_unit(start.code, unit - 1, values);
    codes.insert(codes.end(), some.begin(), some.end());
  }
  const std::vector<float> rows = model.decode(codes, start.label);
  write_data(flags.out, model, rows, flags.steps);
  std::vector<std::string> names;
  for (const int64_t u : units) names.push_back("z" + std::to_string(u));
  tell_written(flags.out,
               fmt::format("{} rows for each of {}, from {} to {}, around {}", flags.steps,
                           fmt::join(names, " "), at.front(), at.back(), start.text));
  return 0;
}

}  // namespace

Action add_traverse(Flags& flags) {
  auto asked = std::make_shared<TraverseFlags>();
  add_model_flags(flags, asked->model);
  add_data_flags(flags, asked->data, false);
  flags.add("--units", "Z,..", asked->units,
            "1,4 (z1 and z4), all, or active: those in use on DATA");
  flags.add("--from", "ROW", asked->from,
            "row of DATA whose code the other units keep, counted from 0; -1: the mean code",
            {-1, 1e9});
  flags.add("--class", "K", asked->shown,
            "of a conditional model: the label that rows show; -1: that of --from", {-1, 65535});
  flags.add("--range", "LOW,HIGH", asked->range, "of the unit, in standard deviations");
  flags.add("--steps", "N", asked->steps, "rows a unit", {2, 10000});
  add_output_flags(flags, asked->out);
  add_json_flag(flags, asked->out);
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
