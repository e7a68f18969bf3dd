// Tiling; see grid.h.
#include "report/grid.h"

#include <algorithm>

#include "latent/error.h"

namespace latent {

Picture tile_images(std::span<const float> images, int64_t n, int64_t height, int64_t width, int64_t channels, int64_t columns, int64_t scale,
                    int64_t gap) {
  if (n < 1 || columns < 1 || scale < 1 || gap < 0 || static_cast<int64_t>(images.size()) != n * height * width * channels) {
    throw UsageError("a grid of " + std::to_string(n) + " images was given " + std::to_string(images.size()) + " values");
  }
  const int64_t rows = (n + columns - 1) / columns;
  Picture p;
  p.height = rows * (height * scale + gap) + gap;
  p.width = columns * (width * scale + gap) + gap;
  p.channels = channels;
  p.pixels.assign(static_cast<size_t>(p.height * p.width * channels), 128);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t top = gap + i / columns * (height * scale + gap), left = gap + i % columns * (width * scale + gap);
    for (int64_t y = 0; y < height * scale; ++y) {
      for (int64_t x = 0; x < width * scale; ++x) {
        for (int64_t c = 0; c < channels; ++c) {
          const float v = images[static_cast<size_t>(((i * height + y / scale) * width + x / scale) * channels + c)];
          const float clamped = v > 0 ? std::min(v, 1.f) : 0.f;
          p.pixels[static_cast<size_t>(((top + y) * p.width + left + x) * channels + c)] = static_cast<uint8_t>(clamped * 255 + 0.5f);
        }
      }
    }
  }
  return p;
}

}  // namespace latent
