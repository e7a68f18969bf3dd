// Where in a picture a model errs: the error of each pixel, and pictures of it.
#pragma once

#include <span>
#include <vector>

#include "latent/model.h"
#include "report/grid.h"

namespace latent {

/// Squared differences of rows and their reconstructions [n, inputs], as the data hold them, in the
/// units that the model sees, averaged over channels: [n, height, width]. UsageError when rows are
/// no pictures.
std::vector<float> pixel_errors(const Model& model, std::span<const float> rows,
                                std::span<const float> reconstructed);

/// A line a row: the row, its reconstruction, and its errors from black (none) by red and yellow to
/// white (the greatest of all these rows' but one in a thousand). The scale is in `greatest`.
Picture heat_picture(const Model& model, std::span<const float> rows,
                     std::span<const float> reconstructed, float& greatest);

}  // namespace latent
