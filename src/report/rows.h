// Rows and labels that sections of a report ask a model with.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "latent/data.h"
#include "latent/model.h"

namespace latent::report {

/// These rows, [rows, width], in the data's units.
std::vector<float> values_of(const Data& data, std::span<const int32_t> rows);
/// Their labels, for a model that is conditioned on them; none for another.
std::vector<int32_t> labels_of(const Model& model, const Data& data, std::span<const int32_t> rows);
/// The classes in turn for `n` rows in lines of `columns`, so that a column shows one class; none
/// for a model that takes none.
std::vector<int32_t> classes_in_turn(const Model& model, int64_t n, int64_t columns);

}  // namespace latent::report
