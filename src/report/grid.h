// Pictures of many images side by side: samples, and reconstructions under their inputs.
#pragma once

#include <cstdint>
#include <vector>

#include "latent/tensor.h"

namespace latent {

/// 8-bit pixels, height x width x channels, row by row.
struct Picture {
  int height = 0;
  int width = 0;
  int channels = 1;
  std::vector<uint8_t> pixels;
};

struct GridOptions {
  int columns = 10;
  int scale = 1;  // each pixel becomes scale x scale
  int gap = 1;    // pixels between images, not scaled
  uint8_t gap_value = 128;
};

/// Images f32 [n,h,w] or [n,h,w,1|3] with values in [0,1] (clamped; NaN is black), left to right,
/// then down. The picture is no wider than its images need. UsageError for other shapes, no images,
/// or more than 2^28 pixels.
Picture tile_images(const Tensor& images, const GridOptions& options = {});

/// Rows of `above` and, under each, the row of `below`: inputs over their reconstructions. Same
/// shapes.
Picture tile_pairs(const Tensor& above, const Tensor& below, const GridOptions& options = {});

}  // namespace latent
