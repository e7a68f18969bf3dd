// Suggestions for mistyped names.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace latent {

/// The name that fewest edits (insert, delete, replace, exchange neighbours) turn `asked` into, if
/// they are at most two and fewer than half its letters; else "".
std::string nearest_name(std::string_view asked, std::span<const std::string_view> names);

/// The end of an error about an unknown name: "; did you mean "x"?", else a short list of what
/// there is.
std::string did_you_mean(std::string_view asked, const std::vector<std::string>& names);

}  // namespace latent
