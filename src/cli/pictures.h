// The pictures that verbs write: grids of rows, and of rows over their reconstructions.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "latent/data.h"
#include "latent/model.h"

namespace latent::cli {

/// Whether one row is a picture: [h, w] or [h, w, 1 or 3].
bool draws_pictures(const Model& model);
/// The same as an error: UsageError when it is none.
void check_draws_pictures(const Model& model);

/// Rows [n, inputs] as the data hold them, `columns` beside each other; 0: a square.
void write_grid(const std::string& path, const Model& model, std::span<const float> rows,
                int64_t columns = 0);
/// Rows, and under each what the model makes of it.
void write_pairs(const std::string& path, const Model& model, std::span<const float> rows,
                 std::span<const float> reconstructed, int64_t columns);

/// The first ten rows of the data over what the model makes of them.
void write_reconstructions(const std::string& path, const Data& data, const Model& model);
/// Decoded means of `n` draws from the prior.
void write_samples(const std::string& path, const Model& model, int64_t n, uint64_t seed);

}  // namespace latent::cli
