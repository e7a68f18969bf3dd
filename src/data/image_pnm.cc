// PNM, the family of Netpbm: P1 to P3 as text, P4 to P6 as bytes; bits, grey and colour, up to 16
// bits a value.
#include <algorithm>
#include <cstring>

#include "data/image_formats.h"
#include "latent/error.h"

namespace latent {

namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The first place from `at` on that is neither space nor in a comment.
size_t after_space(std::string_view text, size_t at) {
  while (at < text.size() && (is_space(text[at]) || text[at] == '#'))
    at = text[at] == '#' ? std::min(text.find('\n', at), text.size()) : at + 1;
  return at;
}

std::string_view text_of(ImageBytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class Parser {
 public:
  Parser(ImageBytes bytes, const std::string& path) : text_(text_of(bytes)), path_(path) {
    kind_ = text_[1] - '0';
    width_ = number(kMostExtent, "the width");
    height_ = number(kMostExtent, "the height");
    most_ = bits() ? 1 : number(65535, "the largest value");
    if (most_ < 1) fail("the largest value is 0");
    // A text may pack bits without spaces: a byte each.
    check_extents(height_, width_, bytes.size(), bits() && !plain() ? 8 : 1, path);
    if (!plain()) {
      if (at_ == text_.size() || !is_space(text_[at_])) fail("the header does not end");
      ++at_;
    }
  }

  ImageInfo info() const {
    return {static_cast<int>(height_), static_cast<int>(width_), colour() ? 3 : 1};
  }

  Image image() {
    Image image{.height = info().height, .width = info().width, .channels = info().channels};
    const size_t row = static_cast<size_t>(width_) * (colour() ? 3 : 1);
    const size_t bytes_of_row = plain()       ? row
                                : bits()      ? (row + 7) / 8
                                : most_ > 255 ? 2 * row
                                              : row;
    if ((text_.size() - at_) / bytes_of_row < static_cast<size_t>(height_))
      fail("the file is cut short");
    image.pixels.resize(row * static_cast<size_t>(height_));
    uint8_t* dst = image.pixels.data();
    for (int64_t y = 0; y < height_; ++y) {
      for (size_t i = 0; i < row; ++i) *dst++ = to_8_bits(plain() ? text_value() : value(i));
      if (!plain()) at_ += bytes_of_row;
    }
    return image;
  }

 private:
  bool plain() const { return kind_ <= 3; }
  bool bits() const { return kind_ == 1 || kind_ == 4; }
  bool colour() const { return kind_ == 3 || kind_ == 6; }

  // Of value i of the row that starts at at_.
  int64_t value(size_t i) const {
    const auto byte = [&](size_t k) { return int64_t{static_cast<uint8_t>(text_[at_ + k])}; };
    if (bits()) return byte(i / 8) >> (7 - i % 8) & 1;
    return most_ > 255 ? byte(2 * i) << 8 | byte(2 * i + 1) : byte(i);
  }

  int64_t text_value() {
    if (!bits()) return number(most_, "a value");
    skip_space();
    if (at_ == text_.size() || (text_[at_] != '0' && text_[at_] != '1'))
      fail("a bit is neither 0 nor 1");
    return text_[at_++] - '0';
  }

  // In PBM 1 is black.
  uint8_t to_8_bits(int64_t v) const {
    if (v > most_) fail("a value is " + std::to_string(v) + ", more than " + std::to_string(most_));
    return static_cast<uint8_t>(bits() ? 255 - 255 * v : (v * 255 + most_ / 2) / most_);
  }

  void skip_space() { at_ = after_space(text_, at_); }

  int64_t number(int64_t most, const char* what) {
    skip_space();
    const size_t from = at_;
    int64_t n = 0;
    for (; at_ < text_.size() && is_digit(text_[at_]); ++at_) {
      n = n * 10 + (text_[at_] - '0');
      if (n > most) fail(std::string(what) + " is more than " + std::to_string(most));
    }
    if (at_ == from) fail(std::string(what) + " is no whole number from 0 on");
    return n;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw DataError("the PNM picture cannot be read: " + what, path_, static_cast<int64_t>(at_));
  }

  std::string_view text_;
  const std::string& path_;
  size_t at_ = 2;
  int kind_ = 0;
  int64_t width_ = 0, height_ = 0, most_ = 1;
};

}  // namespace

// A table may begin with a column "P1" too: what follows must be the width, behind space and
// comments.
bool is_pnm(ImageBytes bytes) {
  const std::string_view text = text_of(bytes);
  if (text.size() < 3 || text[0] != 'P' || text[1] < '1' || text[1] > '6') return false;
  const size_t at = after_space(text, 2);
  return at > 2 && (at == text.size() || is_digit(text[at]) || text[at] == '-');
}

ImageInfo pnm_info(ImageBytes bytes, const std::string& path) { return Parser(bytes, path).info(); }

Image decode_pnm(ImageBytes bytes, const std::string& path) { return Parser(bytes, path).image(); }

}  // namespace latent
