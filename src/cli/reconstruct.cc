// latent reconstruct: decode(encode(x)) of rows, in the data's own units; as a picture, the rows
// over their reconstructions.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/model_input.h"
#include "cli/output.h"
#include "cli/pictures.h"
#include "cli/verbs.h"
#include "data/dataset.h"
#include "report/words.h"

namespace latent::cli {

namespace {

struct ReconstructFlags {
  ModelFlags model;
  DataFlags data;
  Output out;
  int64_t pairs = 10;
};

void draw_pairs(const ReconstructFlags& flags, const Model& model, const Data& data) {
  check_draws_pictures(model);
  constexpr int64_t kColumns = 10;
  const int64_t n = std::min(flags.pairs, data.size());
  const std::vector<float> rows = data.values(0, n);
  write_pairs(flags.out.path, model, rows, model.reconstruct(rows), std::min(kColumns, n));
  tell_written(flags.out, fmt::format("the first {} of {}, each over its reconstruction", n,
                                      counted(data.size(), "row")));
}

int run(const ReconstructFlags& flags) {
  const Model model = open_model(flags.model);
  const Format format = data_format_of(flags.out, model);
  if (flags.out.path != "-") tell_model(flags.model, model);
  const Data data = open_rows(flags.data, model);
  if (format == Format::png) {
    draw_pairs(flags, model, data);
    return 0;
  }
  const auto rows = map_rows(data, [&](auto x) { return model.reconstruct(x); });
  const std::vector<std::string>& names = data.dataset().columns();
  if (format == Format::own)
    write_data(flags.out, model, rows);
  else
    write_rows(flags.out, rows, data.row_shape(), names.empty() ? value_names(model) : names);
  tell_written(flags.out, fmt::format("reconstructions of {}", counted(data.size(), "row")));
  return 0;
}

}  // namespace

Action add_reconstruct(Flags& flags) {
  auto asked = std::make_shared<ReconstructFlags>();
  add_model_flags(flags, asked->model);
  add_data_flags(flags, asked->data);
  add_output_flags(flags, asked->out);
  flags.add("--pairs", "N", asked->pairs, "rows in a picture; other formats hold all rows",
            {1, 10000});
  add_json_flag(flags, asked->out);
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
