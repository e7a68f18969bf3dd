// PNG files of 8-bit pixels.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace latent {

/// The bytes of a PNG file. `pixels` holds height x width x channels, row by row; channels is 1
/// (grey) or 3 (RGB). The same pixels give the same bytes. UsageError when the sizes do not fit
/// together or are not positive.
std::string encode_png(std::span<const uint8_t> pixels, int height, int width, int channels);

/// The same, written whole or not at all.
void write_png(const std::string& path, std::span<const uint8_t> pixels, int height, int width,
               int channels);

}  // namespace latent
