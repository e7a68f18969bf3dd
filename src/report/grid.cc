// Laying out images on a grid; see grid.h.
#include "report/grid.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

namespace latent {

namespace {

struct Images {
  int64_t count, height, width, channels;
};

Images images_of(const Tensor& t) {
  const Shape& s = t.shape();
  const bool ranks = s.rank() == 3 || s.rank() == 4;
  const int64_t channels = s.rank() == 4 ? s[3] : 1;
  if (!ranks || (channels != 1 && channels != 3) || s.elements() == 0) {
    throw UsageError("images of shape " + s.text() +
                     " cannot be drawn; they must be [n,h,w], [n,h,w,1] or [n,h,w,3]");
  }
  return {s[0], s[1], s[2], channels};
}

uint8_t to_byte(float v) {
  if (!(v > 0)) return 0;  // NaN too
  return static_cast<uint8_t>(std::lround(std::min(v, 1.f) * 255.f));
}

// Copies image `index` with its upper left corner at (y, x), each pixel `scale` times in both
// directions.
void draw(Picture& picture, const Images& images, std::span<const float> values, int64_t index,
          int64_t y, int64_t x, int64_t scale) {
  const float* src = values.data() + index * images.height * images.width * images.channels;
  const int64_t bytes = images.width * scale * images.channels;
  for (int64_t row = 0; row < images.height; ++row) {
    uint8_t* const first =
        picture.pixels.data() + ((y + row * scale) * picture.width + x) * images.channels;
    uint8_t* dst = first;
    for (int64_t column = 0; column < images.width; ++column, src += images.channels) {
      for (int64_t copy = 0; copy < scale; ++copy) {
        for (int64_t c = 0; c < images.channels; ++c) *dst++ = to_byte(src[c]);
      }
    }
    for (int64_t copy = 1; copy < scale; ++copy) {
      std::copy_n(first, bytes, first + copy * picture.width * images.channels);
    }
  }
}

// Layers of images that share their columns: row r of layer k is row r * layers + k of the grid.
Picture tile(std::span<const Tensor* const> layers, const GridOptions& options) {
  const Images images = images_of(*layers[0]);
  if (options.columns < 1 || options.scale < 1 || options.scale > 64 || options.gap < 0 ||
      options.gap > 64) {
    throw UsageError(
        "a grid needs at least 1 column, a scale of 1 to 64 and a gap of 0 to 64, not " +
        std::to_string(options.columns) + ", " + std::to_string(options.scale) + " and " +
        std::to_string(options.gap));
  }
  const int64_t columns = std::min<int64_t>(options.columns, images.count);
  const int64_t rows = ((images.count - 1) / columns + 1) * std::ssize(layers);
  const int64_t cell_height = images.height * options.scale + options.gap;
  const int64_t cell_width = images.width * options.scale + options.gap;
  constexpr int64_t kMostPixels = int64_t{1} << 28;
  if (cell_height > kMostPixels / rows || cell_width > kMostPixels / columns ||
      rows * cell_height > kMostPixels / (columns * cell_width)) {
    throw UsageError("a picture of " + std::to_string(rows) + " x " + std::to_string(columns) +
                     " images of " + std::to_string(images.height) + " x " +
                     std::to_string(images.width) + " is too large; draw fewer");
  }
  Picture picture;
  picture.height = static_cast<int>(rows * cell_height - options.gap);
  picture.width = static_cast<int>(columns * cell_width - options.gap);
  picture.channels = static_cast<int>(images.channels);
  picture.pixels.assign(size_t(picture.height) * size_t(picture.width) * size_t(picture.channels),
                        options.gap_value);
  for (int64_t layer = 0; layer < std::ssize(layers); ++layer) {
    const auto values = layers[static_cast<size_t>(layer)]->span<float>();
    for (int64_t i = 0; i < images.count; ++i) {
      const int64_t row = i / columns * std::ssize(layers) + layer;
      draw(picture, images, values, i, row * cell_height, i % columns * cell_width, options.scale);
    }
  }
  return picture;
}

}  // namespace

Picture tile_images(const Tensor& images, const GridOptions& options) {
  const Tensor* const layers[] = {&images};
  return tile(layers, options);
}

Picture tile_pairs(const Tensor& above, const Tensor& below, const GridOptions& options) {
  if (above.shape() != below.shape()) {
    throw UsageError("images of shape " + above.shape().text() +
                     " cannot stand over images of shape " + below.shape().text());
  }
  const Tensor* const layers[] = {&above, &below};
  return tile(layers, options);
}

}  // namespace latent
