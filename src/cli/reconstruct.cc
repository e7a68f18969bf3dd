// latent reconstruct: decode(encode(x)) of rows, in the data's own units; as a picture, the rows
// over their reconstructions.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "cli/model_input.h"
#include "cli/output.h"
#include "cli/pictures.h"
#include "cli/sentences.h"
#include "cli/verbs.h"
#include "data/dataset.h"
#include "measure/sound.h"
#include "report/words.h"
#include "train/preprocess.h"

namespace latent::cli {

namespace {

struct ReconstructFlags {
  ModelFlags model;
  DataFlags data;
  Output out;
  std::string mask;
  int64_t pairs = 10, steps = 20, seed = 1;
  WritingFlags writing;
};

/// Where rows are to be filled in: values of the mask's picture above the middle of their range.
std::vector<bool> hole_of(const ReconstructFlags& flags, const Model& model) {
  check_draws_pictures(model);
  const Shape row = model.row_shape();
  const Data mask = Data::open(flags.mask, "",
                               {{"content", "pictures"},
                                {"size", fmt::format("{}x{}", row[0], row[1])},
                                {"fit", "stretch"},
                                {"colour", row.rank() == 3 && row[2] == 3 ? "rgb" : "grey"}});
  if (mask.size() != 1)
    throw UsageError("a mask is one picture, but " + flags.mask + " holds " +
                     std::to_string(mask.size()));
  const std::vector<float> values = mask.values();
  const auto [low, high] = std::ranges::minmax(values);
  if (low == high)
    throw UsageError("the mask " + flags.mask + " is of one colour: white is to be filled in");
  std::vector<bool> hole;
  for (const float v : values) hole.push_back(v > (low + high) / 2);
  return hole;
}

/// Fills in what the hole hides: the mean of the rest to begin with, then again and again what the
/// model makes of the whole there (Rezende et al. 2014, appendix F, with means for draws). All else
/// stays as it is.
std::vector<float> inpaint(const Model& model, std::vector<float> rows,
                           std::span<const int32_t> labels, const std::vector<bool>& hole,
                           int64_t steps) {
  const size_t width = hole.size();
  const auto known = static_cast<double>(std::ranges::count(hole, false));
  for (size_t at = 0; at < rows.size(); at += width) {
    double mean = 0;
    for (size_t i = 0; i < width; ++i) mean += hole[i] ? 0 : static_cast<double>(rows[at + i]);
    for (size_t i = 0; i < width; ++i) {
      if (hole[i]) rows[at + i] = static_cast<float>(mean / known);
    }
  }
  for (int64_t step = 0; step < steps; ++step) {
    const std::vector<float> made = model.reconstruct(rows, labels);
    for (size_t i = 0; i < rows.size(); ++i) {
      if (hole[i % width]) rows[i] = made[i];
    }
  }
  return rows;
}

/// What the verb makes of rows.
MapLabelled maker_of(const ReconstructFlags& flags, const Model& model) {
  if (flags.mask.empty())
    return [&](auto rows, auto labels) { return model.reconstruct(rows, labels); };
  return [&, hole = hole_of(flags, model)](auto rows, auto labels) {
    return inpaint(model, {rows.begin(), rows.end()}, labels, hole, flags.steps);
  };
}

void draw_pairs(const ReconstructFlags& flags, const Model& model, const Data& data,
                const MapLabelled& make) {
  check_draws_pictures(model);
  constexpr int64_t kColumns = 10;
  const int64_t n = std::min(flags.pairs, data.size());
  const std::vector<float> rows = data.values(0, n);
  write_pairs(flags.out.path, model, rows, make(rows, labels_for(model, data, 0, n)),
              std::min(kColumns, n));
  tell_written(flags.out, fmt::format("the first {} of {}, each over its reconstruction", n,
                                      counted(data.size(), "row")));
}

int run(const ReconstructFlags& flags) {
  const Model model = open_model(flags.model);
  const Format format = data_format_of(flags.out, model);
  if (flags.out.path != "-") tell_model(flags.model, model);
  const Data data = open_rows(flags.data, model);
  const auto make = maker_of(flags, model);
  if (format == Format::png) {
    draw_pairs(flags, model, data, make);
    return 0;
  }
  std::vector<float> rows;
  if (flags.writing.asked()) {
    const auto codes = map_rows(data, [&](auto x) { return model.encode(x); });
    rows = decoded(model, codes, flags.writing, flags.seed, flags.model.threads);
  } else {
    rows = map_rows(model, data, make);
  }
  const Content& content = model.preprocessing().content;
  if (content.kind == "audio") {
    const auto error = measure::sound_error(content, data.values(), rows);
    fmt::print(stderr, "{}\n", error.text());
  }
  const std::vector<std::string>& names = data.dataset().columns();
  if (format == Format::own || format == Format::files)
    write_data(flags.out, model, rows, 0, data.dataset().names());
  else
    write_rows(flags.out, rows, data.row_shape(), names.empty() ? value_names(model) : names,
               data.dataset().names());
  tell_written(flags.out, fmt::format("reconstructions of {}", counted(data.size(), "row")));
  return 0;
}

}  // namespace

Action add_reconstruct(Flags& flags) {
  auto asked = std::make_shared<ReconstructFlags>();
  add_model_flags(flags, asked->model);
  add_data_flags(flags, asked->data);
  add_output_flags(flags, asked->out);
  flags.add("--mask", "FILE", asked->mask,
            "a picture: where it is white rows are filled in, all else stays as it is");
  flags.add("--steps", "N", asked->steps, "with --mask: times that it is filled in again",
            {1, 10000});
  flags.add("--pairs", "N", asked->pairs, "rows in a picture; other formats hold all rows",
            {1, 10000});
  add_writing_flags(flags, asked->writing);
  flags.add("--seed", "N", asked->seed, "of draws of tokens", {0, 1e15});
  add_json_flag(flags, asked->out);
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
