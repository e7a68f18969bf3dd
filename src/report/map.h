// The map of codes: two dimensions of them, points grouped by label.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "data/dataset.h"
#include "report/svg.h"

namespace latent::report {

/// Codes [rows.size(), latent] of these rows. Up to two units are drawn as they are, more by their
/// two principal components. Groups are the labels where the data have some: at most 12 values each
/// for itself, more by fifths of their range. `text` gets what the axes are.
Scatter map_of(std::span<const float> codes, int64_t latent, const Dataset& data,
               std::span<const int32_t> rows, std::string& text);

}  // namespace latent::report
