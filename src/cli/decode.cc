// latent decode: the means of the data given codes, in the data's own units.
#include <fmt/format.h>

#include <memory>

#include "cli/model_input.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "report/words.h"

namespace latent::cli {

namespace {

struct DecodeFlags {
  ModelFlags model;
  std::string codes;
  Output out;
  std::string label;
  int64_t columns = 0;
};

int run(const DecodeFlags& flags) {
  const Model model = open_model(flags.model);
  data_format_of(flags.out, model);
  if (flags.out.path != "-") tell_model(flags.model, model);
  const Data codes = Data::open(flags.codes, "", {{"content", "array"}});
  if (codes.row_elements() != model.latent()) {
    throw UsageError(fmt::format("codes of this model have {}, rows of {} have {}",
                                 counted(model.latent(), "unit"), codes.name(),
                                 counted(codes.row_elements(), "value")));
  }
  const std::vector<float> rows =
      model.decode(codes.values(), labels_in_turn(flags.label, "--label", codes.size()));
  write_data(flags.out, model, rows, flags.columns);
  tell_written(flags.out,
               fmt::format("{} decoded, means of the likelihood", counted(codes.size(), "row")));
  return 0;
}

}  // namespace

Action add_decode(Flags& flags) {
  auto asked = std::make_shared<DecodeFlags>();
  add_model_flags(flags, asked->model);
  flags.argument("CODES", asked->codes, "file of codes, a row each (NPY, CSV), or -", true);
  add_output_flags(flags, asked->out);
  flags.add("--label", "K,..", asked->label,
            "of a conditional model: what the rows show, in turn where there are several");
  flags.add("--columns", "N", asked->columns, "of a picture; 0: as many as rows", {0, 10000});
  add_json_flag(flags, asked->out);
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
