// The models that come with latent, one entry each: its name, what it is, its config, and how the
// functions are made of a config. Flags, --set, TOML files, `latent models`, help and the config in
// a model file all come from the entry.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "config/config.h"
#include "latent/models.h"

namespace latent {

struct CatalogEntry {
  std::string name;
  std::string doc;  // one sentence
  std::vector<ConfigField> fields;
  enum class PriorKind {
    none,
    normal,
    own
  } prior = PriorKind::none;  // with one it can be sampled from
  /// Keys that are absent take their defaults. UsageError for a key or a value that cannot be.
  std::function<Architecture(const nlohmann::json& config, int64_t inputs)> make;
};

const std::vector<CatalogEntry>& catalog();
/// UsageError with the near miss when there is none of that name.
const CatalogEntry& catalog_entry(const std::string& name);
/// What `latent models --json` prints: a list of {name, doc, config: [{name, help, default, ..}]}.
nlohmann::json catalog_json();

}  // namespace latent
