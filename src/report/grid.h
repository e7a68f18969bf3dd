// Many small pictures as one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace latent {

struct Picture {
  int64_t height = 0, width = 0, channels = 1;
  std::vector<uint8_t> pixels;  // [height, width, channels]
};

/// Images [n, h, w, channels] of values in [0, 1] (others are clamped, NaN is black) laid out row by row in `columns` columns, each
/// enlarged `scale` times by repetition, with `gap` pixels of mid-grey around. UsageError when sizes do not fit.
Picture tile_images(std::span<const float> images, int64_t n, int64_t height, int64_t width, int64_t channels, int64_t columns, int64_t scale = 1,
                    int64_t gap = 1);

}  // namespace latent
