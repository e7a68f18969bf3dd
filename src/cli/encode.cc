// latent encode: codes of rows, in order; of a VAE the posterior's mean, its log-variance, or a
// draw.
#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "base/file.h"
#include "base/hash.h"
#include "cli/model_input.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "data/dataset.h"
#include "report/words.h"

namespace latent::cli {

namespace {

struct EncodeFlags {
  ModelFlags model;
  DataFlags data;
  Output out;
  std::string logvar, names;
  bool sample = false;
  int64_t seed = 1;
};

/// mean + exp(logvar / 2) eps, where eps of row i depends on the seed and i alone.
void draw_codes(std::vector<float>& codes, const std::vector<float>& logvar, uint64_t seed) {
  Tensor eps({std::ssize(codes)});
  normal_init(0, 1).fill(eps, seed, hash_bytes(bytes_of("encode")));
  const auto noise = eps.span<float>();
  for (size_t i = 0; i < codes.size(); ++i) codes[i] += std::exp(0.5f * logvar[i]) * noise[i];
}

int run(const EncodeFlags& flags) {
  array_format_of(flags.out);
  const Output logvar_out{flags.logvar};
  if (!flags.logvar.empty()) array_format_of(logvar_out);
  const Model model = open_model(flags.model);
  if (flags.out.path != "-") tell_model(flags.model, model);
  const Data data = open_rows(flags.data, model);
  const std::vector<std::string>& names = data.dataset().names();
  const int64_t units = model.latent();
  std::vector<float> codes =
      map_rows(model, data, [&](auto rows, auto labels) { return model.encode(rows, labels); });
  if (flags.sample || !flags.logvar.empty()) {
    const auto logvar = map_rows(
        model, data, [&](auto rows, auto labels) { return model.encode_logvar(rows, labels); });
    if (!flags.logvar.empty()) {
      write_rows(logvar_out, logvar, {units}, numbered("logvar", units), names);
      tell_written(logvar_out, fmt::format("log-variances of {}", counted(data.size(), "row")));
    }
    if (flags.sample) draw_codes(codes, logvar, static_cast<uint64_t>(flags.seed));
  }
  write_rows(flags.out, codes, {units}, numbered("z", units), names);
  if (!flags.names.empty()) {
    if (names.empty()) throw UsageError("rows of " + data.name() + " have no names to write");
    std::string lines;
    for (const std::string& name : names) lines += name + "\n";
    write_file_atomic(flags.names, lines);
  }
  tell_written(flags.out,
               fmt::format("{} of {} for {}", flags.sample ? "draws from posteriors" : "codes",
                           counted(units, "unit"), counted(data.size(), "row")));
  return 0;
}

}  // namespace

Action add_encode(Flags& flags) {
  auto asked = std::make_shared<EncodeFlags>();
  add_model_flags(flags, asked->model);
  add_data_flags(flags, asked->data);
  add_output_flags(flags, asked->out);
  flags.add("--logvar", "FILE", asked->logvar, "also write the posterior's log-variances here");
  flags.add("--names", "FILE", asked->names,
            "also write the rows' names here, as of files, one a line; in CSV they are a column");
  flags.add("--sample", asked->sample, "a draw from each row's posterior instead of its mean");
  flags.add("--seed", "N", asked->seed, "of --sample", {0, 1e15});
  add_json_flag(flags, asked->out);
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
