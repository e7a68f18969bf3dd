// latent sample: new rows from draws of the prior, in the data's own units.
#include <fmt/format.h>

#include <memory>

#include "cli/model_input.h"
#include "cli/output.h"
#include "cli/sentences.h"
#include "cli/verbs.h"
#include "report/words.h"

namespace latent::cli {

namespace {

struct SampleFlags {
  ModelFlags model;
  Output out;
  int64_t count = 64, columns = 0;
  int64_t seed = 1;
  double temperature = 1;
  bool likelihood = false;
  WritingFlags writing;
  std::string label;
};

/// What codes were drawn from. Of N(0, I) the temperature is the deviation; of a prior of classes
/// it divides the logits.
std::string prior_text(const Model& model, double temperature) {
  if (temperature == 1) return "the prior";
  const bool own = model.architecture().own_prior.has_value();
  return fmt::format("the prior {} {:g}", own ? "at temperature" : "times", temperature);
}

int run(const SampleFlags& flags) {
  const Model model = open_model(flags.model);
  data_format_of(flags.out, model);
  if (flags.out.path != "-") tell_model(flags.model, model);
  const auto seed = static_cast<uint64_t>(flags.seed);
  const std::vector<float> z = model.prior(flags.count, seed, flags.temperature);
  const std::vector<int32_t> labels = labels_in_turn(flags.label, "--label", flags.count);
  const std::vector<float> rows =
      flags.likelihood  ? model.draw(z, seed, labels)
      : !labels.empty() ? model.decode(z, labels)
                        : decoded(model, z, flags.writing, flags.seed, flags.model.threads);
  write_data(flags.out, model, rows, flags.columns);
  tell_written(flags.out, fmt::format("{}: {} given draws from {}", counted(flags.count, "sample"),
                                      flags.likelihood ? "draws from the likelihood " +
                                                             model.architecture().likelihood->name
                                      : reads_text(model) ? "texts"
                                                          : "means of the likelihood",
                                      prior_text(model, flags.temperature)));
  return 0;
}

}  // namespace

Action add_sample(Flags& flags) {
  auto asked = std::make_shared<SampleFlags>();
  add_model_flags(flags, asked->model);
  flags.add("-n,--count", "N", asked->count, "how many rows", {1, 1e7});
  add_output_flags(flags, asked->out);
  flags.add("--sample-likelihood", asked->likelihood,
            "draw the values too, noise and all, instead of taking their means");
  flags.add(
      "--temperature", "T", asked->temperature,
      "standard deviation of the codes, or of vq_vae what divides the logits of its prior; less "
      "than 1: closer to the typical",
      {0, 1e6});
  flags.add("--label", "K,..", asked->label,
            "of a conditional model: what the samples show, in turn where there are several");
  flags.add("--seed", "N", asked->seed, "of the draws", {0, 1e15});
  add_writing_flags(flags, asked->writing);
  flags.add("--columns", "N", asked->columns, "of a picture; 0: as many as rows", {0, 10000});
  add_json_flag(flags, asked->out);
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
