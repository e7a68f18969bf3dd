// latent train: data in, model file and pictures out. Defaults follow the data and are printed with
// their reason.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <numeric>
#include <sstream>

#include "base/file.h"
#include "base/near.h"
#include "base/team.h"
#include "cli/pictures.h"
#include "cli/verbs.h"
#include "data/dataset.h"
#include "train/trainer.h"

namespace latent::cli {

namespace {

struct TrainFlags {
  std::string data, model = "vae", out, hidden, likelihood, dtype = "f32";
  int64_t latent = 0;
  TrainOptions options;
};

std::vector<int64_t> widths(const std::string& text) {
  std::vector<int64_t> v;
  std::stringstream in(text);
  for (std::string item; std::getline(in, item, ',');) {
    size_t used = 0;
    int64_t n = 0;
    try {
      n = std::stoll(item, &used);
    } catch (const std::exception&) {
      used = 0;
    }
    if (used != item.size() || n < 1 || n > 1 << 20)
      throw UsageError("--hidden takes widths like 400,200, found \"" + text + "\"");
    v.push_back(n);
  }
  return v;
}

/// The spec that fits the data; `reasons` says why, a line each.
ModelSpec choose(const TrainFlags& flags, const Dataset& data, std::string& reasons) {
  ModelSpec spec;
  spec.model = flags.model;
  const Shape row = data.row_shape("x");
  spec.row_shape.assign(row.begin(), row.end());
  if (spec.row_shape.empty()) spec.row_shape = {1};
  const ValueRange range = data.range("x");
  if (range.not_finite) {
    throw DataError(std::to_string(range.not_finite) + " values are not finite, the first in row " +
                        std::to_string(range.first_not_finite_row) +
                        "; replace or leave out such rows",
                    flags.data);
  }
  char line[256];
  if (range.low >= 0 && range.high <= 1) {
    reasons += "values lie in [0, 1] and are used as they are\n";
  } else if (range.high > range.low) {
    spec.scale = 1 / (range.high - (range.low >= 0 ? 0 : range.low));
    spec.shift = range.low >= 0 ? 0 : -range.low * spec.scale;
    std::snprintf(line, sizeof line, "values lie in [%g, %g] and are scaled to [0, 1]\n", range.low,
                  range.high);
    reasons += line;
  }
  const bool large = spec.inputs() >= 256;
  spec.hidden =
      flags.hidden.empty() ? std::vector<int64_t>{large ? 400 : 200} : widths(flags.hidden);
  spec.latent = flags.latent ? flags.latent : large ? 20 : 10;
  spec.likelihood = flags.likelihood.empty() ? "bernoulli" : flags.likelihood;
  if (flags.likelihood.empty() && spec.model == "vae") {
    reasons += "likelihood bernoulli, because values lie in [0, 1]; another: --likelihood\n";
  }
  return spec;
}

std::string parts_text(const Parts& parts) {
  std::string s;
  char item[96];
  for (const auto& [name, value] : parts) {
    std::snprintf(item, sizeof item, "%s%s %.4f", s.empty() ? "" : "  ", name.c_str(), value);
    s += item;
  }
  return s;
}

void run(const TrainFlags& flags) {
  const std::vector<std::string> models = {"vae", "autoencoder"};
  if (std::find(models.begin(), models.end(), flags.model) == models.end()) {
    throw UsageError("no model is called \"" + flags.model + "\"" +
                     did_you_mean(flags.model, models));
  }
  const Dataset data = Dataset::open(flags.data);
  std::string reasons;
  const ModelSpec spec = choose(flags, data, reasons);
  TrainOptions options = flags.options;
  const bool many = data.size() >= 10000;
  if (!options.batch) options.batch = many ? 128 : 32;
  if (!options.epochs) options.epochs = many ? 20 : 200;
  if (flags.dtype != "f32" && flags.dtype != "bf16")
    throw UsageError("--dtype is f32 or bf16, found \"" + flags.dtype + "\"");
  options.bf16 = flags.dtype == "bf16";
  std::string hidden;
  for (int64_t h : spec.hidden) hidden += (hidden.empty() ? "" : ",") + std::to_string(h);
  std::fprintf(
      stderr,
      "%s: %lld rows of %lld values; %s, hidden %s, latent %lld, batch %lld, %lld epochs\n%s",
      data.name().c_str(), static_cast<long long>(data.size()),
      static_cast<long long>(spec.inputs()), spec.model.c_str(), hidden.c_str(),
      static_cast<long long>(spec.latent), static_cast<long long>(options.batch),
      static_cast<long long>(options.epochs), reasons.c_str());
  make_folder(flags.out);
  Slots slots(options.seed);
  double seconds = 0;
  const int64_t every = std::max<int64_t>(1, options.epochs / 20);
  train(data, spec, slots, options, [&](const EpochReport& r) {
    seconds += r.seconds;
    if (r.epoch % every && r.epoch != options.epochs && r.epoch != 1) return;
    std::fprintf(stderr, "epoch %3lld/%lld  %s%s%s  %.1f s\n", static_cast<long long>(r.epoch),
                 static_cast<long long>(options.epochs), parts_text(r.training).c_str(),
                 r.validation.empty() ? "" : "  held out: ", parts_text(r.validation).c_str(),
                 seconds);
  });
  const std::string model = flags.out + "/last.safetensors",
                    reconstructions = flags.out + "/reconstructions.png",
                    samples = flags.out + "/samples.png";
  save_model(model, spec, slots);
  std::string written = model;
  if (draws_pictures(spec)) {
    write_reconstructions(reconstructions, data, spec, slots, options.threads);
    written += ", " + reconstructions;
    if (spec.model == "vae") {
      write_samples(samples, spec, slots, 64, options.threads);
      written += ", " + samples;
    }
  }
  std::fprintf(stderr, "written: %s\n", written.c_str());
  if (spec.model == "vae")
    std::fprintf(stderr, "next: latent sample %s -o grid.png\n", flags.out.c_str());
}

}  // namespace

void add_train(CLI::App& app, std::function<void()>& verb) {
  auto flags = std::make_shared<TrainFlags>();
  flags->options.epochs = flags->options.batch = 0;
  CLI::App* sub = app.add_subcommand("train", "Train a model on a data set");
  sub->add_option("data", flags->data, "digits (embedded), or an IDX or NPY file, .gz or not")
      ->required();
  sub->add_option("--model", flags->model, "vae or autoencoder")->capture_default_str();
  sub->add_option("--out", flags->out, "folder for the model and the pictures")->required();
  sub->add_option(
      "--hidden", flags->hidden,
      "widths of the hidden layers, as 400,200; default 400 from 256 inputs on, else 200");
  sub->add_option("--latent", flags->latent,
                  "units of the code; default 20 from 256 inputs on, else 10")
      ->check(CLI::Range(1, 1 << 20));
  sub->add_option("--likelihood", flags->likelihood, "of a vae; default bernoulli");
  sub->add_option("--epochs", flags->options.epochs,
                  "passes over the data; default 20 from 10000 rows on, else 200")
      ->check(CLI::Range(1, 1 << 30));
  sub->add_option("--batch", flags->options.batch,
                  "rows of a step; default 128 from 10000 rows on, else 32")
      ->check(CLI::Range(1, 1 << 20));
  sub->add_option("--lr", flags->options.rate, "Adam's rate")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  sub->add_option("--validation", flags->options.validation,
                  "fraction of the rows held out; 0: none")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 0.9));
  sub->add_option("--seed", flags->options.seed, "of weights, order and noise")
      ->capture_default_str();
  sub->add_option("--threads", flags->options.threads, "0: all CPUs; never changes a result")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  sub->add_option("--dtype", flags->dtype, "of products: f32 or bf16")->capture_default_str();
  sub->callback([&verb, flags] { verb = [flags] { run(*flags); }; });
}

}  // namespace latent::cli
