// The verbs of the program. Each adds its flags to the parser and sets what runs when it was asked
// for.
#pragma once

#include <functional>
#include <string>

#include "latent/error.h"
#include "latent/plan.h"
#include "train/model_spec.h"

namespace CLI {
class App;
}

namespace latent::cli {

void add_train(CLI::App& app, std::function<void()>& verb);
void add_sample(CLI::App& app, std::function<void()>& verb);

/// A model file that cannot be used: exit code 4.
class BadModel : public Error {
 public:
  using Error::Error;
};

/// The model of a run folder, or of a model file.
ModelSpec open_model(const std::string& path, Slots& slots);

}  // namespace latent::cli
