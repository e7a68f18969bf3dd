// TOML in and out. A config file holds the keys of `latent train`'s flags, with _ for -: data,
// model, those of the model, those of training.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace latent {

/// The file's keys as a flat JSON object. DataError with the line for what is no TOML, tables, or
/// values that no key takes (dates).
nlohmann::json read_config_file(const std::string& path);

/// A run's identity (run_folder.h) as such a file, for people. Data are named by their fingerprint,
/// in comments.
std::string identity_toml(const nlohmann::json& identity);

}  // namespace latent
