// Labels of rows as verbs use them: classes to tell apart, or strange rows among normal ones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "latent/data.h"

namespace latent::cli {

/// The label of each row. UsageError, saying how to give them, for data without.
std::vector<int32_t> labels_of(const Data& data);
/// What a label is called: the text in the file, where it has texts.
std::string label_name(const Data& data, int32_t label);

/// 1 for rows whose label is among `names` (separated by commas), 0 for all others; with no names,
/// labels must be 0 and 1, 1 being strange. UsageError with the near miss for a name that no row
/// has.
std::vector<uint8_t> strange_rows(const Data& data, const std::string& names);

}  // namespace latent::cli
