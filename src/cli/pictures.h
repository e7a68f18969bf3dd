// The pictures that verbs write: grids of rows, and of rows over their reconstructions.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "report/model_pictures.h"

namespace latent::cli {

/// UsageError unless rows of the model are pictures.
void check_draws_pictures(const Model& model);

/// Rows [n, inputs] as the data hold them, `columns` beside each other; 0: a square.
void write_grid(const std::string& path, const Model& model, std::span<const float> rows,
                int64_t columns = 0);
/// Each row as a PNG file of its own in the folder, 00001.png and so on.
void write_files(const std::string& folder, const Model& model, std::span<const float> rows);
/// Rows, and under each what the model makes of it.
void write_pairs(const std::string& path, const Model& model, std::span<const float> rows,
                 std::span<const float> reconstructed, int64_t columns);

}  // namespace latent::cli
