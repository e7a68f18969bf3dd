// The verbs of the program. Each adds its flags to the parser and sets what runs when it was asked
// for; what runs gives the exit code.
#pragma once

#include <functional>
#include <string>

#include "latent/error.h"
#include "latent/model.h"

namespace CLI {
class App;
}

namespace latent::cli {

using Verb = std::function<int()>;
void add_train(CLI::App& app, Verb& verb);
void add_sample(CLI::App& app, Verb& verb);

/// A model file that cannot be used: exit code 4.
class BadModel : public Error {
 public:
  using Error::Error;
};

/// The model of a run folder, or of a model file; BadModel for a file that is none.
Model open_model(const std::string& path, int threads);

}  // namespace latent::cli
