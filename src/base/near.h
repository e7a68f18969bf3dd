// Suggestions for mistyped names.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "latent/error.h"

namespace latent {

/// The name that fewest edits (insert, delete, replace, exchange neighbours) turn `asked` into, if
/// they are at most two and fewer than half its letters; else "".
std::string nearest_name(std::string_view asked, std::span<const std::string_view> names);

/// The end of an error about an unknown name: "; did you mean "x"?", else a short list of what
/// there is.
std::string did_you_mean(std::string_view asked, const std::vector<std::string>& names);

/// What a map from names has under `name`; UsageError with a suggestion when there is no such
/// `what`: a feed, a slot.
template <class Map>
auto& entry_named(Map& map, const char* what, const std::string& name) {
  if (const auto found = map.find(name); found != map.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& entry : map) names.push_back(entry.first);
  throw UsageError(std::string("no ") + what + " is called \"" + name + "\"" +
                   did_you_mean(name, names));
}

}  // namespace latent
