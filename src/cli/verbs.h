// The verbs of the program: one table, from which parsing, help and the overview are made. Each
// verb stands in a file of its own, which adds its flags to a parser and gives what runs.
#pragma once

#include <functional>
#include <span>
#include <string>

namespace CLI {
class App;
}

namespace latent::cli {

/// What a verb does once its flags are parsed; gives the exit code.
using Action = std::function<int()>;

struct Verb {
  const char* name;
  const char* doc;       // one line
  const char* examples;  // whole commands, one a line
  Action (*add)(CLI::App& app);
};

/// In the order in which one meets them.
std::span<const Verb> verbs();
/// UsageError with the near miss when there is none of that name.
const Verb& verb_named(const std::string& name);

Action add_train(CLI::App& app);
Action add_plan(CLI::App& app);
Action add_eval(CLI::App& app);
Action add_encode(CLI::App& app);
Action add_decode(CLI::App& app);
Action add_reconstruct(CLI::App& app);
Action add_sample(CLI::App& app);
Action add_inspect(CLI::App& app);
Action add_models(CLI::App& app);

}  // namespace latent::cli
