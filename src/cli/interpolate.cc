// latent interpolate: decoded codes on the way from one row's code to another's, a strip a pair.
#include <fmt/format.h>

#include <memory>

#include "cli/lists.h"
#include "cli/model_input.h"
#include "cli/output.h"
#include "cli/sentences.h"
#include "cli/verbs.h"
#include "measure/walk.h"
#include "report/words.h"

namespace latent::cli {

namespace {

struct InterpolateFlags {
  ModelFlags model;
  DataFlags data;
  Output out;
  std::string rows, to, second, shown;  // `second`: as `to`, or a sentence
  int64_t steps = 9;
  bool slerp = false;
};

/// Where strips begin and end, [pairs, inputs] each.
struct Ends {
  std::vector<float> from, to;
  std::vector<int32_t> from_labels = {}, to_labels = {};  // of a model that is conditioned on them
};

Ends ends_of(const InterpolateFlags& flags, const Model& model, const Data& data) {
  if (!flags.second.empty() && !flags.to.empty())
    throw UsageError("rows to go to were given twice, as \"" + flags.second + "\" and by --to");
  const std::string& to = flags.to.empty() ? flags.second : flags.to;
  if (flags.rows.empty() == to.empty())
    throw UsageError("give the rows to go between: either --rows A,B or --to FILE");
  if (flags.rows.empty()) {
    const Data other = open_beside(flags.data, to, model);
    if (other.size() != data.size()) {
      throw UsageError(
          fmt::format("each row of {} goes to the same row of {}, but they have {} and "
                      "{} rows",
                      data.name(), other.name(), data.size(), other.size()));
    }
    return {data.values(), other.values(), labels_for(model, data), labels_for(model, other)};
  }
  const std::vector<int64_t> rows = row_numbers(flags.rows, data, "--rows");
  if (rows.size() % 2 != 0)
    throw UsageError("--rows takes pairs, as 0,1 or 0,1,5,9; found \"" + flags.rows + "\"");
  std::vector<int64_t> from, onto;
  for (size_t i = 0; i < rows.size(); ++i) (i % 2 == 0 ? from : onto).push_back(rows[i]);
  return {rows_at(data, from), rows_at(data, onto), labels_at(model, data, from),
          labels_at(model, data, onto)};
}

/// What each row of the strips shows: the classes asked for, a strip each in turn, else the label
/// that the strip begins with.
std::vector<int32_t> labels_of_strips(const InterpolateFlags& flags, const Ends& ends,
                                      int64_t strips) {
  const std::vector<int32_t> asked = labels_in_turn(flags.shown, "--class", strips);
  std::vector<int32_t> labels;
  for (const int32_t label : asked.empty() ? ends.from_labels : asked)
    labels.insert(labels.end(), static_cast<size_t>(flags.steps), label);
  return labels;
}

/// The strip between two sentences of the command line.
Ends sentences_of(const InterpolateFlags& flags, const Model& model) {
  if (!flags.rows.empty() || !flags.to.empty())
    throw UsageError("between two sentences there are no rows; leave out --rows and --to");
  return {sentence_rows(model, {flags.data.spec}), sentence_rows(model, {flags.second})};
}

int run(const InterpolateFlags& flags) {
  const Model model = open_model(flags.model);
  data_format_of(flags.out, model);
  if (flags.out.path != "-") tell_model(flags.model, model);
  const Ends ends = !flags.second.empty() && reads_text(model)
                        ? sentences_of(flags, model)
                        : ends_of(flags, model, open_rows(flags.data, model));
  const std::vector<float> a = model.encode(ends.from, ends.from_labels),
                           b = model.encode(ends.to, ends.to_labels);
  const auto units = static_cast<size_t>(model.latent());
  std::vector<float> codes;
  for (size_t at = 0; at < a.size(); at += units) {
    const auto from = std::span(a).subspan(at, units), to = std::span(b).subspan(at, units);
    const std::vector<float> way =
        flags.slerp ? measure::arc(from, to, flags.steps) : measure::line(from, to, flags.steps);
    codes.insert(codes.end(), way.begin(), way.end());
  }
  const std::vector<float> rows =
      model.decode(codes, labels_of_strips(flags, ends, std::ssize(a) / model.latent()));
  write_data(flags.out, model, rows, flags.steps);
  tell_written(flags.out, fmt::format("{} of {} rows, along {} between codes",
                                      counted(std::ssize(a) / model.latent(), "strip"), flags.steps,
                                      flags.slerp ? "arcs" : "lines"));
  return 0;
}

}  // namespace

Action add_interpolate(Flags& flags) {
  auto asked = std::make_shared<InterpolateFlags>();
  add_model_flags(flags, asked->model);
  add_data_flags(flags, asked->data);
  flags.argument("TO", asked->second, "as --to TO; of a model of text a sentence, as DATA then is",
                 false);
  flags.add("--rows", "A,B,..", asked->rows, "pairs of rows of DATA, counted from 0");
  flags.add("--to", "FILE", asked->to, "instead: from each row of DATA to the same row of this");
  flags.add("--steps", "N", asked->steps, "rows of a strip, both ends included", {2, 10000});
  flags.add("--slerp", asked->slerp,
            "along arcs, on which codes stay as far from 0 as those of rows, instead of lines");
  flags.add("--class", "K,..", asked->shown,
            "of a conditional model: the label that strips show, in turn where there are several; "
            "none: that of the row they begin with");
  add_output_flags(flags, asked->out);
  add_json_flag(flags, asked->out);
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
