// Configs as data: what keys there are, with help, ranges and defaults, so that flags, `--set`,
// TOML files, model files and listings come from one entry a key. Values travel as JSON.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "latent/error.h"

namespace latent {

/// One key of a config.
struct ConfigField {
  enum class Kind { integer, number, flag, word, integers, words };
  std::string name;  // letters and _; as a flag --name with - for _
  std::string help;  // one line; says the unit
  Kind kind = Kind::integer;
  double low = 0, high = 0;          // of a number, or of each of `integers`, inclusive
  std::vector<std::string> choices;  // of a word; any when empty
  nlohmann::json initial;            // the default
};

/// `value` if it is of the field's kind and in its range; else a UsageError that says what was
/// asked and what may be.
nlohmann::json checked(const ConfigField& field, const nlohmann::json& value);

/// The value that a text of a command line means: 3, 1e-3, true, relu, 400,200.
nlohmann::json parse_value(const ConfigField& field, const std::string& text);

/// Defaults overlaid with `given`. UsageError with the near miss for a key that there is not, named
/// as one of `what`.
nlohmann::json resolve_config(const std::vector<ConfigField>& fields, const nlohmann::json& given,
                              const std::string& what);

/// A key bound to a member of a struct C.
template <class C>
struct BoundField {
  ConfigField field;
  std::function<nlohmann::json(const C&)> get;
  std::function<void(C&, const nlohmann::json&)> set;
};

struct FieldRange {
  double low = 0, high = 0;
};

namespace detail {
template <class T>
constexpr ConfigField::Kind kind_of() {
  using Kind = ConfigField::Kind;
  if constexpr (std::is_same_v<T, bool>)
    return Kind::flag;
  else if constexpr (std::is_floating_point_v<T>)
    return Kind::number;
  else if constexpr (std::is_integral_v<T>)
    return Kind::integer;
  else if constexpr (std::is_same_v<T, std::string>)
    return Kind::word;
  else if constexpr (std::is_same_v<T, std::vector<std::string>>)
    return Kind::words;
  else
    return Kind::integers;
}
}  // namespace detail

template <class C, class T>
BoundField<C> bind_field(std::string name, T C::*member, std::string help, FieldRange range = {},
                         std::vector<std::string> choices = {}) {
  return {{std::move(name), std::move(help), detail::kind_of<T>(), range.low, range.high,
           std::move(choices), C{}.*member},
          [member](const C& c) { return nlohmann::json(c.*member); },
          [member](C& c, const nlohmann::json& v) { c.*member = v.get<T>(); }};
}

template <class C>
std::vector<ConfigField> fields_of(const std::vector<BoundField<C>>& bound) {
  std::vector<ConfigField> fields;
  for (const BoundField<C>& b : bound) fields.push_back(b.field);
  return fields;
}

template <class C>
nlohmann::json config_to_json(const std::vector<BoundField<C>>& bound, const C& c) {
  nlohmann::json j = nlohmann::json::object();
  for (const BoundField<C>& b : bound) j[b.field.name] = checked(b.field, b.get(c));
  return j;
}

/// Keys that `given` lacks keep their defaults.
template <class C>
C config_from_json(const std::vector<BoundField<C>>& bound, const nlohmann::json& given,
                   const std::string& what) {
  const nlohmann::json full = resolve_config(fields_of(bound), given, what);
  C c;
  for (const BoundField<C>& b : bound) b.set(c, full.at(b.field.name));
  return c;
}

}  // namespace latent
