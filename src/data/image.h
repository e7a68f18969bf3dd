// Pictures out of files: PNG (libpng), JPEG (libjpeg-turbo) and PNM (ours), recognised by their
// first bytes, to 8 bits a channel. What a header claims is checked before anything is allocated,
// against fixed limits and against what the file's bytes can hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace latent {

/// 8-bit pixels, height x width x channels, row by row; channels is 1 (grey) or 3 (RGB).
struct Image {
  int height = 0;
  int width = 0;
  int channels = 1;
  std::vector<uint8_t> pixels;
};

/// What a header says of the picture that decode_image gives.
struct ImageInfo {
  int height = 0;
  int width = 0;
  int channels = 1;
};

/// Bounds of a picture: 100 million pixels, 65,535 of them in a row or a column.
inline constexpr int64_t kMostPixels = 100'000'000;
inline constexpr int64_t kMostExtent = 65535;

/// Whether the bytes start as PNG, JPEG or PNM does.
bool is_image(std::span<const std::byte> bytes);
/// What it is, "a GIF picture", when the bytes start as a picture that cannot be read; else "".
std::string foreign_image(std::span<const std::byte> bytes);

/// The picture, upright (EXIF orientation applied), transparent parts on white, 16-bit values
/// rounded to 8, CMYK as RGB. Grey pictures, also those of a palette of greys alone, have one
/// channel. DataError for damaged and truncated files, and for what is no such picture.
Image decode_image(std::span<const std::byte> bytes, const std::string& path);
/// The same from the header alone. A palette counts as colour unless all its entries are grey.
ImageInfo image_info(std::span<const std::byte> bytes, const std::string& path);

}  // namespace latent
