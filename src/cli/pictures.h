// The pictures that verbs write: grids of samples, and of rows over their reconstructions.
#pragma once

#include <string>

#include "latent/data.h"
#include "latent/model.h"

namespace latent::cli {

/// Whether one row is a picture: [h, w] or [h, w, 1 or 3].
bool draws_pictures(const Model& model);
/// The first ten rows of the data over what the model makes of them.
void write_reconstructions(const std::string& path, const Data& data, const Model& model);
/// Decoded means of `n` draws from the prior.
void write_samples(const std::string& path, const Model& model, int64_t n, uint64_t seed);

}  // namespace latent::cli
