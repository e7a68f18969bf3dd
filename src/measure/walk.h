// Ways through the space of codes: from one code to another, and along single units.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace latent::measure {

/// `steps` codes from a to b, both included, evenly along a line, [steps, width]. UsageError for
/// fewer than 2 steps or codes of different length.
std::vector<float> line(std::span<const float> a, std::span<const float> b, int64_t steps);
/// The same along the arc between the directions of a and b (Shoemake 1985), with lengths evenly
/// between theirs: codes of a Gaussian prior stay as far from 0 as such codes are. A line where one
/// of the two is 0, or they point the same or the opposite way.
std::vector<float> arc(std::span<const float> a, std::span<const float> b, int64_t steps);

/// Copies of `code` in which one unit takes the values given and all others stay: [values, width].
std::vector<float> along_unit(std::span<const float> code, int64_t unit,
                              std::span<const double> values);

}  // namespace latent::measure
