// Pictures as PNG files, by libpng.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace latent {

/// Writes height x width pixels of 1 (grey) or 3 (red, green, blue) channels, row by row, atomically. UsageError when the number of
/// bytes is not height * width * channels, SystemError when the file cannot be written.
void write_png(const std::string& path, std::span<const uint8_t> pixels, int64_t height, int64_t width, int64_t channels);

}  // namespace latent
