// The near miss that an error about an unknown name suggests.
#pragma once

#include <string>
#include <vector>

namespace latent::plan {

/// "; did you mean "x"?", or a short list of what there is, or "".
std::string suggest(const std::string& asked, const std::vector<std::string>& names);

}  // namespace latent::plan
