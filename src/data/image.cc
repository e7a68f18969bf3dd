// Recognising pictures, and what their decoders share; see image.h and image_formats.h.
#include "data/image.h"

#include <algorithm>
#include <string_view>

#include "base/file.h"
#include "data/image_formats.h"

namespace latent {

namespace {

struct Foreign {
  size_t at;  // where `start` stands
  std::string_view start, name;
};
constexpr Foreign kForeign[] = {
    {0, "GIF8", "a GIF picture"},
    {0, std::string_view("II*\0", 4), "a TIFF picture"},
    {0, std::string_view("MM\0*", 4), "a TIFF picture"},
    {8, "WEBP", "a WebP picture"},
    {4, "ftypavif", "an AVIF picture"},
    {4, "ftypheic", "a HEIC picture"},
    {4, "ftypmif1", "a HEIC picture"},
    {0, "8BPS", "a Photoshop file"},
    {0, std::string_view("\0\0\1\0", 4), "an ICO picture"},
    {0, std::string_view("\0\0\0\x0cjP  ", 8), "a JPEG 2000 picture"},
    {0, std::string_view("\0\0\0\x0cJXL ", 8), "a JPEG XL picture"},
    {0, "\xff\x0a", "a JPEG XL picture"},
    {0, "PF\n", "a PFM picture of floating-point numbers"},
    {0, "Pf\n", "a PFM picture of floating-point numbers"},
    {0, "P7\n", "a PAM picture"},
    {0, "<svg", "an SVG drawing"},
};

[[noreturn]] void refuse(ImageBytes bytes, const std::string& path) {
  if (bytes.empty()) throw DataError("the file is empty", path, 0);
  const std::string foreign = foreign_image(bytes);
  throw DataError((foreign.empty() ? "no picture by its first bytes" : foreign) +
                      "; PNG, JPEG and PNM pictures can be read: convert it to one of these",
                  path, 0);
}

uint32_t number(ImageBytes b, size_t at, size_t bytes, bool big_endian) {
  uint32_t value = 0;
  for (size_t i = 0; i < bytes; ++i)
    value = value << 8 | std::to_integer<uint32_t>(b[at + (big_endian ? i : bytes - 1 - i)]);
  return value;
}

// "BM" begins many a table and many a sentence: the header's reserved zeros and its length count.
bool is_bmp(ImageBytes bytes) {
  constexpr uint32_t kLengths[] = {12, 40, 52, 56, 64, 108, 124};
  return bytes.size() >= 18 && std::ranges::equal(bytes.first(2), bytes_of("BM")) &&
         number(bytes, 6, 4, false) == 0 &&
         std::ranges::count(kLengths, number(bytes, 14, 4, false)) == 1;
}

}  // namespace

bool is_image(ImageBytes bytes) { return is_png(bytes) || is_jpeg(bytes) || is_pnm(bytes); }

std::string foreign_image(ImageBytes bytes) {
  if (is_bmp(bytes)) return "a BMP picture";
  for (const Foreign& f : kForeign) {
    if (bytes.size() >= f.at + f.start.size() &&
        std::ranges::equal(bytes.subspan(f.at, f.start.size()), bytes_of(f.start)))
      return std::string(f.name);
  }
  return "";
}

Image decode_image(ImageBytes bytes, const std::string& path) {
  if (is_png(bytes)) return decode_png(bytes, path);
  if (is_jpeg(bytes)) return decode_jpeg(bytes, path);
  if (is_pnm(bytes)) return decode_pnm(bytes, path);
  refuse(bytes, path);
}

ImageInfo image_info(ImageBytes bytes, const std::string& path) {
  if (is_png(bytes)) return png_info(bytes, path);
  if (is_jpeg(bytes)) return jpeg_info(bytes, path);
  if (is_pnm(bytes)) return pnm_info(bytes, path);
  refuse(bytes, path);
}

void check_extents(int64_t height, int64_t width, size_t file_bytes, double most_per_byte,
                   const std::string& path) {
  const std::string claim =
      "the header says " + std::to_string(height) + " x " + std::to_string(width) + " pixels, ";
  if (height < 1 || width < 1) throw DataError(claim + "which is no picture", path);
  if (height > kMostExtent || width > kMostExtent || height > kMostPixels / width) {
    throw DataError(claim + "more than can be read: " + std::to_string(kMostPixels / 1'000'000) +
                        " million, at most " + std::to_string(kMostExtent) + " in a row or column",
                    path);
  }
  if (static_cast<double>(height * width) > most_per_byte * static_cast<double>(file_bytes)) {
    throw DataError(claim + "more than the file's " + std::to_string(file_bytes) +
                        " bytes can hold; it is cut short or not to be trusted",
                    path);
  }
}

int exif_orientation(ImageBytes tiff) {
  constexpr size_t kHeader = 8, kEntry = 12;
  constexpr uint32_t kOrientation = 0x0112, kShort = 3;
  if (tiff.size() < kHeader) return 1;
  const bool big = tiff[0] == std::byte{'M'};
  const uint64_t ifd = number(tiff, 4, 4, big);
  if (ifd + 2 > tiff.size()) return 1;
  const uint32_t entries = number(tiff, ifd, 2, big);
  for (uint64_t i = 0, at = ifd + 2; i < entries && at + kEntry <= tiff.size(); ++i, at += kEntry) {
    if (number(tiff, at, 2, big) != kOrientation || number(tiff, at + 2, 2, big) != kShort)
      continue;
    const auto value = static_cast<int>(number(tiff, at + 8, 2, big));
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

Image upright(Image image, int orientation) {
  if (orientation == 1) return image;
  const auto h = static_cast<size_t>(image.height), w = static_cast<size_t>(image.width),
             c = static_cast<size_t>(image.channels);
  const bool swap = swaps_axes(orientation);
  // Where row 0 and column 0 of what is stored are seen: EXIF 2.3, tag 0x0112.
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 7 ||
                           orientation == 8;  // of the seen axis that stored columns or rows fill
  const bool from_right =
      orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  Image out{.height = swap ? image.width : image.height,
            .width = swap ? image.height : image.width,
            .channels = image.channels,
            .pixels = std::vector<uint8_t>(image.pixels.size())};
  const size_t out_h = swap ? w : h, out_w = swap ? h : w;
  uint8_t* dst = out.pixels.data();
  for (size_t y = 0; y < out_h; ++y) {
    for (size_t x = 0; x < out_w; ++x, dst += c) {
      const size_t along_y = from_bottom ? out_h - 1 - y : y;
      const size_t along_x = from_right ? out_w - 1 - x : x;
      const size_t row = swap ? along_x : along_y, column = swap ? along_y : along_x;
      std::copy_n(image.pixels.data() + (row * w + column) * c, c, dst);
    }
  }
  return out;
}

}  // namespace latent
