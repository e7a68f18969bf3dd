// From flags, --set, a TOML file and the data to what `latent train` trains: one flat set of keys,
// where a flag wins over the file, the file over what fits the data.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "latent/data.h"
#include "latent/models.h"
#include "latent/train.h"

namespace latent::cli {

/// Every key but `inputs`, which the data decide: first those of training, then of each kind of
/// content, then of each model of the catalogue; a name that two models share comes once.
std::vector<ConfigField> train_keys();

/// Defaults that are no constants, in words, by key.
const std::map<std::string, std::string>& fitted_defaults();

/// What the user said, as texts of the command line by key. `data`, `label`, `model`, `validation`,
/// `init` and `warmup` (epochs until the KL's weight is full, which warmup_steps is made of) are
/// keys too.
struct TrainRequest {
  std::string data, config_file;
  std::map<std::string, std::string> flags;
  std::vector<std::string> sets;  // key=value
};

struct TrainPlan {
  Data data;
  Architecture architecture;
  TrainOptions options;  // all that decides the result
  std::string summary;   // lines for people: what will be trained, and why so
  std::string scaling;   // and why this one
  std::string label;     // where labels come from: a column, a file, "folder"; else empty
};

/// UsageError, DataError, SystemError as the request deserves. `opened`: the request's data, where
/// they have been read already.
TrainPlan plan_training(const TrainRequest& request, const std::optional<Data>& opened = {});

/// The command that trains as the request says, quoted for a shell; without --out.
std::string command_of(const TrainRequest& request);
/// `text` as one word of a shell.
std::string shell_word(const std::string& text);

}  // namespace latent::cli
