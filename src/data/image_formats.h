// What the decoders of image.h share: one function pair a format, the check of a header's sizes,
// and the turning of pictures by their EXIF orientation.
#pragma once

#include "data/image.h"

namespace latent {

using ImageBytes = std::span<const std::byte>;

bool is_png(ImageBytes bytes);
bool is_jpeg(ImageBytes bytes);
bool is_pnm(ImageBytes bytes);
ImageInfo png_info(ImageBytes bytes, const std::string& path);
ImageInfo jpeg_info(ImageBytes bytes, const std::string& path);
ImageInfo pnm_info(ImageBytes bytes, const std::string& path);
Image decode_png(ImageBytes bytes, const std::string& path);
Image decode_jpeg(ImageBytes bytes, const std::string& path);
Image decode_pnm(ImageBytes bytes, const std::string& path);

/// DataError unless both are 1 to kMostExtent, their product at most kMostPixels, and the whole
/// file, of `file_bytes`, can hold so many pixels at `most_per_byte` pixels a byte.
void check_extents(int64_t height, int64_t width, size_t file_bytes, double most_per_byte,
                   const std::string& path);

/// The orientation in an EXIF block that starts with its TIFF header: 1 to 8; 1 (upright) when it
/// is absent or the block is damaged.
int exif_orientation(ImageBytes tiff);
/// Turned and mirrored so that a picture stored with this orientation is upright.
Image upright(Image image, int orientation);
/// Orientations from 5 on exchange height and width.
inline bool swaps_axes(int orientation) { return orientation >= 5; }

}  // namespace latent
