// The pictures that verbs write: grids of samples, and of rows over their reconstructions.
#pragma once

#include <string>

#include "data/dataset.h"
#include "latent/plan.h"
#include "train/model_spec.h"

namespace latent::cli {

/// Whether one row is a picture: [h, w] or [h, w, 1 or 3].
bool draws_pictures(const ModelSpec& spec);
/// Ten held-in rows of the data over what the model makes of them.
void write_reconstructions(const std::string& path, const Dataset& data, const ModelSpec& spec,
                           Slots& slots, int threads);
/// `n` samples of the model's prior.
void write_samples(const std::string& path, const ModelSpec& spec, Slots& slots, int64_t n,
                   int threads);

}  // namespace latent::cli
