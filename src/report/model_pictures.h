// Rows of a model as pictures: grids, and pairs of rows over their reconstructions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "latent/model.h"
#include "report/grid.h"

namespace latent {

/// Whether one row is a picture: [h, w] or [h, w, 1 or 3].
bool draws_pictures(const Model& model);

/// Rows [n, inputs] as the data hold them, `columns` beside each other, 0: a square. Where the
/// scaling brings the data to [0, 1] these are black and white, else what the rows span. Rows of
/// sounds are drawn as log-mel spectra, low frequencies below. UsageError when rows are no
/// pictures.
Picture grid_picture(const Model& model, std::span<const float> rows, int64_t columns = 0);
/// Each row by itself, a pixel a pixel.
std::vector<Picture> row_pictures(const Model& model, std::span<const float> rows);
/// Rows, and under each the one of `below`.
Picture pairs_picture(const Model& model, std::span<const float> rows, std::span<const float> below,
                      int64_t columns);

}  // namespace latent
