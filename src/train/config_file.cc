// TOML to JSON by toml++, and JSON to TOML; see config_file.h.
#include "train/config_file.h"

#include <toml++/toml.h>

#include <sstream>

#include "base/file.h"
#include "latent/error.h"

namespace latent {

namespace {

using nlohmann::json;

json value_of(const toml::node& node, const std::string& key, const std::string& path) {
  if (const auto* v = node.as_integer()) return v->get();
  if (const auto* v = node.as_floating_point()) return v->get();
  if (const auto* v = node.as_boolean()) return v->get();
  if (const auto* v = node.as_string()) return v->get();
  if (const auto* list = node.as_array()) {
    json j = json::array();
    for (const toml::node& item : *list) j.push_back(value_of(item, key, path));
    return j;
  }
  throw DataError("line " + std::to_string(node.source().begin.line) + ": " + key +
                      " is neither a number, a text, true, false nor a list of these",
                  path);
}

/// A JSON scalar, or a list of them, is TOML as it stands.
void add_lines(std::string& text, const json& object) {
  for (const auto& [key, value] : object.items()) text += key + " = " + value.dump() + "\n";
}

}  // namespace

json read_config_file(const std::string& path) {
  try {
    const toml::table table = toml::parse(read_file(path, size_t{1} << 20), path);
    json flat = json::object();
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      flat[name] = value_of(node, name, path);
    }
    return flat;
  } catch (const toml::parse_error& e) {
    throw DataError(
        "line " + std::to_string(e.source().begin.line) + ": " + std::string(e.description()),
        path);
  }
}

std::string identity_toml(const json& id) {
  std::string text = "# What was trained on has the fingerprint " +
                     id.at("data").get<std::string>() + ".\nmodel = " + id.at("model").dump() +
                     "\n";
  add_lines(text, id.at("config"));
  json train = id.at("train");
  for (const char* key : {"validation", "init"}) {
    if (!train.contains(key) || !train.at(key).is_string()) continue;
    text += "# " + std::string(key) + ": a file of fingerprint " +
            train.at(key).get<std::string>() + "\n";
    train.erase(key);
  }
  add_lines(text, train);
  return text;
}

}  // namespace latent
