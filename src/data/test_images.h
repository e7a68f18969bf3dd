// Pictures made for tests: files of the formats that are read, by the libraries' own writers.
#pragma once

#include <cstdio>
// jpeglib.h needs stdio.h before it.
#include <jpeglib.h>
#include <png.h>

#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "data/image.h"

namespace latent::testing {

struct PngStyle {
  int depth = 8, type = PNG_COLOR_TYPE_RGB;
  std::vector<png_color> palette = {};
  std::vector<uint8_t> transparent = {};  // alpha of the palette's entries
  bool interlaced = false;
  int orientation = 1;  // written as eXIf unless 1
};

/// A TIFF header and one entry, the orientation: what EXIF blocks hold.
inline std::string exif_block(int orientation) {
  std::string tiff("MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\0\0\0\0\0\0\0", 26);
  tiff[19] = static_cast<char>(orientation);
  return tiff;
}

/// Rows as libpng takes them: packed bits, big-endian 16-bit values.
inline std::string encode_png_rows(const std::string& rows, int height, int width,
                                   const PngStyle& style) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  std::string out;
  png_set_write_fn(
      png, &out,
      [](png_structp p, png_bytep data, size_t n) {
        static_cast<std::string*>(png_get_io_ptr(p))->append(reinterpret_cast<char*>(data), n);
      },
      [](png_structp) {});
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height),
               style.depth, style.type, style.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!style.palette.empty())
    png_set_PLTE(png, info, style.palette.data(), static_cast<int>(style.palette.size()));
  if (!style.transparent.empty())
    png_set_tRNS(png, info, style.transparent.data(), static_cast<int>(style.transparent.size()),
                 nullptr);
  std::string exif = exif_block(style.orientation);
  if (style.orientation != 1)
    png_set_eXIf_1(png, info, static_cast<png_uint_32>(exif.size()),
                   reinterpret_cast<png_bytep>(exif.data()));
  png_write_info(png, info);
  const size_t row = png_get_rowbytes(png, info);
  std::vector<png_bytep> pointers;
  for (size_t y = 0; y < static_cast<size_t>(height); ++y)
    pointers.push_back(reinterpret_cast<png_bytep>(const_cast<char*>(rows.data() + y * row)));
  png_write_image(png, pointers.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return out;
}

/// `space` has as many components as the pixels have channels. EXIF is written unless upright.
inline std::string encode_jpeg(const std::vector<uint8_t>& pixels, int height, int width,
                               J_COLOR_SPACE space, int orientation = 1, bool progressive = false) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* memory = nullptr;
  unsigned long bytes = 0;
  jpeg_mem_dest(&jpeg, &memory, &bytes);
  jpeg.image_width = static_cast<JDIMENSION>(width);
  jpeg.image_height = static_cast<JDIMENSION>(height);
  jpeg.input_components = space == JCS_CMYK ? 4 : space == JCS_RGB ? 3 : 1;
  jpeg.in_color_space = space;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 100, TRUE);
  if (progressive) jpeg_simple_progression(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  if (orientation != 1) {
    const std::string exif = std::string("Exif\0\0", 6) + exif_block(orientation);
    jpeg_write_marker(&jpeg, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(exif.data()),
                      static_cast<unsigned>(exif.size()));
  }
  const size_t row = static_cast<size_t>(width) * static_cast<size_t>(jpeg.input_components);
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW at = const_cast<JSAMPROW>(pixels.data() + jpeg.next_scanline * row);
    jpeg_write_scanlines(&jpeg, &at, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  std::string out(reinterpret_cast<char*>(memory), bytes);
  std::free(memory);
  return out;
}

/// A colour picture that differs from corner to corner: red grows to the right, green downwards.
inline std::vector<uint8_t> slopes(int height, int width) {
  std::vector<uint8_t> p;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      p.push_back(static_cast<uint8_t>(255 * x / std::max(width - 1, 1)));
      p.push_back(static_cast<uint8_t>(255 * y / std::max(height - 1, 1)));
      p.push_back(40);
    }
  }
  return p;
}

inline std::string slopes_png(int height, int width) {
  const auto p = slopes(height, width);
  return encode_png_rows({p.begin(), p.end()}, height, width, {});
}

}  // namespace latent::testing
