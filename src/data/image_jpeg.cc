// JPEG by libjpeg-turbo. It reports errors by longjmp: between setjmp and the last call of the
// library only the members of Reader are touched, so that no destructor is jumped over. Warnings
// that mean lost pixels are errors here.
#include <cstdio>
// jpeglib.h needs stdio.h before it.
#include <jerror.h>
#include <jpeglib.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>

#include "data/image_formats.h"
#include "latent/error.h"

namespace latent {

namespace {

constexpr double kPixelsPerByte = 8.0 * 64;  // a block of 8 x 8 pixels has at least one bit
constexpr int kMostScans = 100;  // of a progressive picture; each costs a pass over all of it
constexpr long kMostMemory = 1L << 30;

struct Reader {
  explicit Reader(ImageBytes b) : bytes(b) {
    jpeg.err = jpeg_std_error(&errors);
    jpeg.client_data = this;
    errors.error_exit = [](j_common_ptr c) {
      (*c->err->format_message)(c, of(c)->message);
      std::longjmp(of(c)->jump, 1);
    };
    errors.emit_message = [](j_common_ptr c, int level) {
      constexpr int kHarmless[] = {JWRN_EXTRANEOUS_DATA, JWRN_JFIF_MAJOR, JWRN_ADOBE_XFORM};
      if (level >= 0 || std::ranges::count(kHarmless, c->err->msg_code) > 0) return;
      (*c->err->error_exit)(c);
    };
    errors.output_message = [](j_common_ptr) {};
    progress.progress_monitor = [](j_common_ptr c) {
      if (!c->is_decompressor) return;
      if (reinterpret_cast<j_decompress_ptr>(c)->input_scan_number <= kMostScans) return;
      std::strcpy(of(c)->message, "it has more than 100 scans");
      std::longjmp(of(c)->jump, 1);
    };
  }
  ~Reader() {
    if (made) jpeg_destroy_decompress(&jpeg);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  static Reader* of(j_common_ptr c) { return static_cast<Reader*>(c->client_data); }

  // Up to the first scan. False: failed, with a message.
  bool head() {
    if (setjmp(jump)) return false;
    jpeg_create_decompress(&jpeg);
    made = true;
    jpeg.progress = &progress;
    jpeg.mem->max_memory_to_use = kMostMemory;
    jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_save_markers(&jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(&jpeg, TRUE);
    constexpr char kExif[] = "Exif\0";  // and the terminating zero: six bytes
    for (jpeg_saved_marker_ptr m = jpeg.marker_list; m != nullptr; m = m->next) {
      if (m->data_length < sizeof kExif || std::memcmp(m->data, kExif, sizeof kExif) != 0) continue;
      orientation =
          exif_orientation(std::as_bytes(std::span(m->data, m->data_length)).subspan(sizeof kExif));
      break;
    }
    return true;
  }

  bool start() {
    if (setjmp(jump)) return false;
    jpeg.out_color_space = jpeg.num_components == 1   ? JCS_GRAYSCALE
                           : jpeg.num_components == 4 ? JCS_CMYK
                                                      : JCS_RGB;
    jpeg.dct_method = JDCT_ISLOW;
    jpeg_start_decompress(&jpeg);
    return true;
  }

  bool body(uint8_t* dst) {
    if (setjmp(jump)) return false;
    const size_t row = size_t{jpeg.output_width} * static_cast<size_t>(jpeg.output_components);
    while (jpeg.output_scanline < jpeg.output_height) {
      JSAMPROW at = dst + size_t{jpeg.output_scanline} * row;
      jpeg_read_scanlines(&jpeg, &at, 1);
    }
    jpeg_finish_decompress(&jpeg);
    return true;
  }

  ImageBytes bytes;
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX] = {};
  int orientation = 1;
  bool made = false;
};

[[noreturn]] void fail(const Reader& r, const std::string& path) {
  const auto left = r.jpeg.src == nullptr ? r.bytes.size() : r.jpeg.src->bytes_in_buffer;
  throw DataError(std::string("the JPEG picture cannot be read: ") + r.message, path,
                  static_cast<int64_t>(r.bytes.size() - std::min(left, r.bytes.size())));
}

void read_head(Reader& r, const std::string& path) {
  if (!r.head()) fail(r, path);
  // Nobody writes it, and a few bytes of it can stand for any number of pixels.
  if (r.jpeg.arith_code)
    throw DataError("a JPEG picture coded arithmetically; write it with Huffman codes", path);
  check_extents(r.jpeg.image_height, r.jpeg.image_width, r.bytes.size(), kPixelsPerByte, path);
}

// In place: four values a pixel become three. Adobe's programs write CMYK inverted, and mark that.
void to_rgb(std::vector<uint8_t>& pixels, bool inverted) {
  uint8_t* dst = pixels.data();
  for (size_t i = 0; i + 3 < pixels.size(); i += 4) {
    const auto ink = [&](size_t c) {
      const unsigned v = pixels[i + c];
      return inverted ? v : 255 - v;
    };
    for (size_t c = 0; c < 3; ++c) *dst++ = static_cast<uint8_t>((ink(c) * ink(3) + 127) / 255);
  }
  pixels.resize(pixels.size() / 4 * 3);
}

}  // namespace

bool is_jpeg(ImageBytes bytes) {
  return bytes.size() >= 3 && std::memcmp(bytes.data(), "\xff\xd8\xff", 3) == 0;
}

ImageInfo jpeg_info(ImageBytes bytes, const std::string& path) {
  Reader r(bytes);
  read_head(r, path);
  const auto h = static_cast<int>(r.jpeg.image_height), w = static_cast<int>(r.jpeg.image_width);
  const bool swap = swaps_axes(r.orientation);
  return {swap ? w : h, swap ? h : w, r.jpeg.num_components == 1 ? 1 : 3};
}

Image decode_jpeg(ImageBytes bytes, const std::string& path) {
  Reader r(bytes);
  read_head(r, path);
  if (!r.start()) fail(r, path);
  const auto components = static_cast<size_t>(r.jpeg.output_components);
  Image image{.height = static_cast<int>(r.jpeg.output_height),
              .width = static_cast<int>(r.jpeg.output_width),
              .channels = components == 1 ? 1 : 3};
  image.pixels.resize(size_t{r.jpeg.output_height} * r.jpeg.output_width * components);
  if (!r.body(image.pixels.data())) fail(r, path);
  if (components == 4) to_rgb(image.pixels, r.jpeg.saw_Adobe_marker);
  return upright(std::move(image), r.orientation);
}

}  // namespace latent
