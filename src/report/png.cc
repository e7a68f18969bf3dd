// PNG by libpng's simplified interface, which reports errors as values: no setjmp here; see png.h.
#include "report/png.h"

#include <png.h>

#include <cstring>

#include "base/file.h"
#include "latent/error.h"

namespace latent {

std::string encode_png(std::span<const uint8_t> pixels, int height, int width, int channels) {
  constexpr int kMostExtent = 1 << 20;  // libpng takes a million by default
  const bool known = channels == 1 || channels == 3;
  if (!known || height < 1 || width < 1 || height > kMostExtent || width > kMostExtent ||
      pixels.size() != size_t(height) * size_t(width) * size_t(channels)) {
    throw UsageError("a picture of " + std::to_string(height) + " x " + std::to_string(width) +
                     " pixels in " + std::to_string(channels) + " channels cannot be made of " +
                     std::to_string(pixels.size()) +
                     " bytes; sizes are 1 to 1048576, channels 1 or 3");
  }
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.height = static_cast<png_uint_32>(height);
  image.width = static_cast<png_uint_32>(width);
  image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  std::string out(PNG_IMAGE_PNG_SIZE_MAX(image), '\0');
  png_alloc_size_t size = out.size();
  if (!png_image_write_to_memory(&image, out.data(), &size, 0, pixels.data(), width * channels,
                                 nullptr)) {
    throw InternalError(std::string("libpng did not write a picture: ") + image.message);
  }
  out.resize(size);
  return out;
}

void write_png(const std::string& path, std::span<const uint8_t> pixels, int height, int width,
               int channels) {
  write_file_atomic(path, encode_png(pixels, height, width, channels));
}

}  // namespace latent
