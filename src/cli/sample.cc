// latent sample: new rows from draws of the prior, in the data's own units.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/model_input.h"
#include "cli/output.h"
#include "cli/pictures.h"
#include "cli/verbs.h"

namespace latent::cli {

namespace {

struct SampleFlags {
  ModelFlags model;
  Output out;
  int64_t count = 64, columns = 0;
  uint64_t seed = 1;
  double temperature = 1;
  bool likelihood = false;
};

int run(const SampleFlags& flags) {
  const Format format = format_of(flags.out);
  const Model model = open_model(flags.model);
  if (format == Format::png) check_draws_pictures(model);
  const std::vector<float> z = model.prior(flags.count, flags.seed, flags.temperature);
  const std::vector<float> rows = flags.likelihood ? model.draw(z, flags.seed) : model.decode(z);
  if (format == Format::png)
    write_grid(flags.out.path, model, rows, flags.columns);
  else
    write_rows(flags.out, rows, model.row_shape(), numbered("x", model.inputs()));
  tell_written(
      flags.out,
      fmt::format("{} samples: {} given draws from {}", flags.count,
                  flags.likelihood
                      ? "draws from the likelihood " + model.architecture().likelihood->name
                      : "means of the likelihood",
                  flags.temperature == 1 ? "the prior"
                                         : fmt::format("the prior times {:g}", flags.temperature)));
  return 0;
}

}  // namespace

Action add_sample(CLI::App& app) {
  auto flags = std::make_shared<SampleFlags>();
  add_model_flags(app, flags->model);
  app.add_option("-n,--count", flags->count, "how many rows")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000000));
  add_output_flags(app, flags->out);
  app.add_flag("--sample-likelihood", flags->likelihood,
               "draw the values too, noise and all, instead of taking their means");
  app.add_option("--temperature", flags->temperature,
                 "standard deviation of the codes; less than 1: closer to the typical")
      ->type_name("T")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--seed", flags->seed, "of the draws")->type_name("N")->capture_default_str();
  app.add_option("--columns", flags->columns, "of a picture; 0: as many as rows")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(0, 10000));
  return [flags] { return run(*flags); };
}

}  // namespace latent::cli
