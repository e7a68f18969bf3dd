// latent sample: pictures decoded from draws of the prior.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/pictures.h"
#include "cli/verbs.h"

namespace latent::cli {

Model open_model(const std::string& path, int threads) {
  try {
    return load(path, threads);
  } catch (const DataError& e) {
    throw BadModel(e.what());
  }
}

namespace {
struct SampleFlags {
  std::string model, out = "samples.png";
  int64_t count = 64;
  uint64_t seed = 1;
  int threads = 0;
};
}  // namespace

void add_sample(CLI::App& app, Verb& verb) {
  auto flags = std::make_shared<SampleFlags>();
  CLI::App* sub = app.add_subcommand("sample", "Draw new pictures from a trained vae");
  sub->add_option("model", flags->model, "run folder or model file")->required();
  sub->add_option("-o,--out", flags->out, "picture to write")->capture_default_str();
  sub->add_option("-n,--count", flags->count, "how many")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  sub->add_option("--seed", flags->seed, "of the draws")->capture_default_str();
  sub->add_option("--threads", flags->threads, "0: all CPUs; never changes a result")
      ->capture_default_str();
  sub->callback([&verb, flags] {
    verb = [flags] {
      write_samples(flags->out, open_model(flags->model, flags->threads), flags->count,
                    flags->seed);
      std::fprintf(stderr, "%lld samples (decoded means of draws from the prior) in %s\n",
                   static_cast<long long>(flags->count), flags->out.c_str());
      return 0;
    };
  });
}

}  // namespace latent::cli
