// Checking and parsing of config values; see config.h.
#include "config/config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "base/near.h"

namespace latent {

namespace {

using nlohmann::json;
using Kind = ConfigField::Kind;

std::string number_text(double v) {
  std::ostringstream out;
  out.precision(12);
  out << v;
  return out.str();
}

[[noreturn]] void refuse(const ConfigField& f, const std::string& wanted,
                         const std::string& found) {
  throw UsageError(f.name + " takes " + wanted + ", found " + found);
}

std::string wanted_number(const ConfigField& f) {
  return std::string(f.kind == Kind::number ? "a number" : "a whole number") + " from " +
         number_text(f.low) + " to " + number_text(f.high);
}

json checked_number(const ConfigField& f, const json& v) {
  // A whole number may be written 1e3; it is kept as an integer, so that equal configs are equal.
  const bool good = v.is_number() && std::isfinite(v.get<double>()) && v.get<double>() >= f.low &&
                    v.get<double>() <= f.high &&
                    (f.kind == Kind::number || v.get<double>() == std::trunc(v.get<double>()));
  if (!good) refuse(f, wanted_number(f), v.dump());
  if (f.kind == Kind::number) return v.get<double>();
  return v.is_number_float() ? json(static_cast<int64_t>(v.get<double>())) : v;
}

json checked_word(const ConfigField& f, const json& v) {
  if (!v.is_string()) refuse(f, "a word", v.dump());
  if (!f.choices.empty() && std::ranges::count(f.choices, v.get<std::string>()) == 0) {
    throw UsageError(f.name + " cannot be \"" + v.get<std::string>() + "\"" +
                     did_you_mean(v.get<std::string>(), f.choices));
  }
  return v;
}

std::vector<std::string> items_of(const std::string& text) {
  std::vector<std::string> items;
  std::stringstream in(text);
  for (std::string item; std::getline(in, item, ',');) items.push_back(item);
  return items;
}

/// The whole of `text` as a number; none when it is not one.
json number_of(const std::string& text) {
  int64_t whole = 0;
  const char* end = text.data() + text.size();
  if (const auto r = std::from_chars(text.data(), end, whole); r.ec == std::errc() && r.ptr == end)
    return whole;
  double real = 0;
  if (const auto r = std::from_chars(text.data(), end, real); r.ec == std::errc() && r.ptr == end)
    return real;
  return nullptr;
}

}  // namespace

json checked(const ConfigField& f, const json& value) {
  switch (f.kind) {
    case Kind::integer:
    case Kind::number:
      return checked_number(f, value);
    case Kind::flag:
      if (!value.is_boolean()) refuse(f, "true or false", value.dump());
      return value;
    case Kind::word:
      return checked_word(f, value);
    case Kind::integers:
    case Kind::words:
      break;
  }
  if (!value.is_array() || value.size() > 64)
    refuse(f, "a list of at most 64 " + std::string(f.kind == Kind::words ? "words" : "numbers"),
           value.dump());
  json list = json::array();
  for (const json& item : value)
    list.push_back(f.kind == Kind::words ? checked_word(f, item) : checked_number(f, item));
  return list;
}

json parse_value(const ConfigField& f, const std::string& text) {
  json value;
  switch (f.kind) {
    case Kind::integer:
    case Kind::number:
      value = number_of(text);
      if (value.is_null()) refuse(f, wanted_number(f), "\"" + text + "\"");
      break;
    case Kind::flag:
      value = text == "true" ? json(true) : text == "false" ? json(false) : json(text);
      break;
    case Kind::word:
      value = text;
      break;
    case Kind::words:
      value = items_of(text);
      break;
    case Kind::integers:
      value = json::array();
      for (const std::string& item : items_of(text)) {
        value.push_back(number_of(item));
        if (value.back().is_null()) refuse(f, "whole numbers like 400,200", "\"" + text + "\"");
      }
      break;
  }
  return checked(f, value);
}

json resolve_config(const std::vector<ConfigField>& fields, const json& given,
                    const std::string& what) {
  json full = json::object();
  std::vector<std::string> names;
  for (const ConfigField& f : fields) {
    full[f.name] = given.contains(f.name) ? checked(f, given.at(f.name)) : f.initial;
    names.push_back(f.name);
  }
  for (const auto& [key, value] : given.items()) {
    if (!full.contains(key))
      throw UsageError("there is no \"" + key + "\" of " + what + did_you_mean(key, names));
  }
  return full;
}

}  // namespace latent
