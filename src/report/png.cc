// PNG by libpng's simplified interface, encoded in memory and written atomically; see png.h.
#include "report/png.h"

#include <png.h>

#include <vector>

#include "base/file.h"
#include "latent/error.h"

namespace latent {

void write_png(const std::string& path, std::span<const uint8_t> pixels, int64_t height, int64_t width, int64_t channels) {
  constexpr int64_t kMost = 1 << 20;
  const bool good = height >= 1 && width >= 1 && height <= kMost && width <= kMost && (channels == 1 || channels == 3) &&
                    static_cast<int64_t>(pixels.size()) == height * width * channels;
  if (!good) {
    throw UsageError("a picture of " + std::to_string(height) + " x " + std::to_string(width) + " x " + std::to_string(channels) + " was given " +
                     std::to_string(pixels.size()) + " bytes");
  }
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  png_alloc_size_t size = 0;
  if (!png_image_write_get_memory_size(image, size, 0, pixels.data(), 0, nullptr)) throw InternalError(std::string("libpng: ") + image.message);
  std::vector<std::byte> bytes(size);
  if (!png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels.data(), 0, nullptr)) throw InternalError(std::string("libpng: ") + image.message);
  write_file_atomic(path, std::span<const std::byte>(bytes.data(), size));
}

}  // namespace latent
