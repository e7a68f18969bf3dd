// The program: flags, help, and the table from exceptions to exit codes. Each verb is in a file of
// its own.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/verbs.h"
#include "latent/error.h"
#include "latent/train.h"

namespace {

/// The exit codes of docs/exit-codes.md.
int exit_code(const std::exception& e) {
  if (dynamic_cast<const latent::UsageError*>(&e)) return 2;
  if (dynamic_cast<const latent::cli::BadModel*>(&e)) return 4;
  if (dynamic_cast<const latent::DataError*>(&e)) return 3;
  if (dynamic_cast<const latent::SystemError*>(&e)) return 5;
  if (dynamic_cast<const latent::Diverged*>(&e)) return 6;
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "latent: autoencoders and variational autoencoders\n\n"
      "  latent train digits --model vae --out runs/digits     train on the embedded digits\n"
      "  latent train images.idx.gz --out runs/mnist           train on an IDX file of images\n"
      "  latent train table.npy --model autoencoder            train on an array\n"
      "  latent sample runs/digits -o grid.png                 draw new pictures\n",
      "latent"};
  app.set_version_flag("--version", std::string("latent ") + LATENT_VERSION);
  app.require_subcommand(1);
  latent::cli::Verb verb;
  latent::cli::add_train(app, verb);
  latent::cli::add_sample(app, verb);
  try {
    app.parse(argc, argv);
    return verb();
  } catch (const CLI::ParseError& e) {
    const int code = app.exit(e);
    return code == 0 ? 0 : 2;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "latent: %s\n", e.what());
    return exit_code(e);
  }
}
