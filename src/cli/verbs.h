// The verbs of the program: one table, from which parsing, help and the overview are made. Each
// verb stands in a file of its own, which adds its flags to a parser and gives what runs.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "cli/flags.h"

namespace latent::cli {

/// What a verb does once its flags are parsed; gives the exit code. It owns what the flags set.
using Action = std::function<int()>;

struct Verb {
  const char* name;
  const char* doc;       // one line
  const char* examples;  // whole commands, one a line
  Action (*add)(Flags& flags);
};

/// In the order in which one meets them.
std::span<const Verb> verbs();
/// UsageError with the near miss when there is none of that name.
const Verb& verb_named(const std::string& name);

Action add_train(Flags& flags);
Action add_plan(Flags& flags);
Action add_tune(Flags& flags);
Action add_eval(Flags& flags);
Action add_encode(Flags& flags);
Action add_decode(Flags& flags);
Action add_reconstruct(Flags& flags);
Action add_sample(Flags& flags);
Action add_interpolate(Flags& flags);
Action add_traverse(Flags& flags);
Action add_score(Flags& flags);
Action add_neighbors(Flags& flags);
Action add_probe(Flags& flags);
Action add_compare(Flags& flags);
Action add_inspect(Flags& flags);
Action add_models(Flags& flags);
Action add_doctor(Flags& flags);
Action add_bench(Flags& flags);
Action add_licenses(Flags& flags);
Action add_completion(Flags& flags);
Action add_man(Flags& flags);

}  // namespace latent::cli
