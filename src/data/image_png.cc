// PNG by libpng. It reports errors by longjmp: between setjmp and the last call of libpng only the
// members of Reader are touched, so that no destructor is jumped over.
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>

#include "data/image_formats.h"
#include "latent/error.h"

namespace latent {

namespace {

constexpr double kMostUnpacked = 1032;  // bytes that deflate gives for one

struct Reader {
  explicit Reader(ImageBytes b) : rest(b) {
    png = png_create_read_struct(
        PNG_LIBPNG_VER_STRING, this,
        [](png_structp p, png_const_charp text) {
          auto* self = static_cast<Reader*>(png_get_error_ptr(p));
          std::strncpy(self->message, text, sizeof self->message - 1);
          std::longjmp(self->jump, 1);
        },
        [](png_structp, png_const_charp) {});
    if (png != nullptr) info = png_create_info_struct(png);
  }
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  static void read(png_structp p, png_bytep dst, size_t n) {
    auto* self = static_cast<Reader*>(png_get_io_ptr(p));
    if (n > self->rest.size()) png_error(p, "the file is cut short");
    std::memcpy(dst, self->rest.data(), n);
    self->rest = self->rest.subspan(n);
  }

  // Up to the first pixels. False: failed, with a message.
  bool head() {
    if (setjmp(jump)) return false;
    png_set_read_fn(png, this, read);
    png_set_user_limits(png, kMostExtent, kMostExtent);
    png_set_chunk_cache_max(png, 1000);
    png_set_chunk_malloc_max(png, 8'000'000);
    png_read_info(png, info);
    height = png_get_image_height(png, info);
    width = png_get_image_width(png, info);
    const int type = png_get_color_type(png, info);
    channels = (type & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1;
    bits = png_get_bit_depth(png, info) * png_get_channels(png, info);
    if (type == PNG_COLOR_TYPE_PALETTE) {
      png_colorp palette = nullptr;
      int entries = 0;
      png_get_PLTE(png, info, &palette, &entries);
      const auto grey = [](const png_color& p) { return p.red == p.green && p.green == p.blue; };
      grey_palette = std::all_of(palette, palette + entries, grey);
    }
    png_bytep exif = nullptr;
    png_uint_32 exif_bytes = 0;
    if (png_get_eXIf_1(png, info, &exif_bytes, &exif) != 0)
      orientation = exif_orientation(std::as_bytes(std::span(exif, exif_bytes)));
    return true;
  }

  // All pixels, 8 bits a channel, into `rows`; `stored` channels each, alpha last.
  bool body(png_bytep* rows) {
    if (setjmp(jump)) return false;
    png_read_image(png, rows);
    png_read_end(png, nullptr);
    return true;
  }

  bool convert() {
    if (setjmp(jump)) return false;
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    stored = png_get_channels(png, info);
    row_bytes = png_get_rowbytes(png, info);
    return true;
  }

  ImageBytes rest;  // not yet read
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::jmp_buf jump;
  char message[160] = {};
  uint32_t height = 0, width = 0;
  int bits = 8;  // of a pixel in the file
  int channels = 1, stored = 1, orientation = 1;
  size_t row_bytes = 0;
  bool grey_palette = false;
};

[[noreturn]] void fail(const Reader& r, const std::string& path, size_t bytes) {
  throw DataError(std::string("the PNG picture cannot be read: ") + r.message, path,
                  static_cast<int64_t>(bytes - r.rest.size()));
}

void read_head(Reader& r, ImageBytes bytes, const std::string& path) {
  if (r.png == nullptr || r.info == nullptr) throw InternalError("libpng has no memory");
  if (!r.head()) fail(r, path, bytes.size());
  check_extents(r.height, r.width, bytes.size(), kMostUnpacked * 8 / r.bits, path);
}

// round(v * a / 255 + 255 - a): over white.
uint8_t over_white(unsigned v, unsigned a) {
  return static_cast<uint8_t>((v * a + 255 * (255 - a) + 127) / 255);
}

}  // namespace

bool is_png(ImageBytes bytes) {
  constexpr std::string_view kMagic = "\x89PNG\r\n\x1a\n";
  return bytes.size() >= kMagic.size() &&
         std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0;
}

ImageInfo png_info(ImageBytes bytes, const std::string& path) {
  Reader r(bytes);
  read_head(r, bytes, path);
  const auto h = static_cast<int>(r.height), w = static_cast<int>(r.width);
  const bool swap = swaps_axes(r.orientation);
  return {swap ? w : h, swap ? h : w, r.grey_palette ? 1 : r.channels};
}

Image decode_png(ImageBytes bytes, const std::string& path) {
  Reader r(bytes);
  read_head(r, bytes, path);
  if (!r.convert()) fail(r, path, bytes.size());
  const int colours = r.stored == 2 || r.stored == 4 ? r.stored - 1 : r.stored;
  if (r.stored > 4 || r.row_bytes != size_t{r.width} * static_cast<size_t>(r.stored))
    throw InternalError("libpng gave rows of " + std::to_string(r.row_bytes) + " bytes");
  std::vector<uint8_t> raw(r.row_bytes * r.height);
  std::vector<png_bytep> rows(r.height);
  for (size_t y = 0; y < rows.size(); ++y) rows[y] = raw.data() + y * r.row_bytes;
  if (!r.body(rows.data())) fail(r, path, bytes.size());
  Image image{.height = static_cast<int>(r.height),
              .width = static_cast<int>(r.width),
              .channels = r.grey_palette ? 1 : colours};
  if (image.channels == r.stored) {
    image.pixels = std::move(raw);
  } else {
    const size_t pixels = size_t{r.height} * r.width;
    image.pixels.resize(pixels * static_cast<size_t>(image.channels));
    const uint8_t* src = raw.data();
    uint8_t* dst = image.pixels.data();
    for (size_t i = 0; i < pixels; ++i, src += r.stored) {
      for (int c = 0; c < image.channels; ++c)
        *dst++ = r.stored == colours ? src[c] : over_white(src[c], src[colours]);
    }
  }
  return upright(std::move(image), r.orientation);
}

}  // namespace latent
