// Mirrors, shifts and cuts of pictures in float32; see augment.h.
#include "data/augment.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/hash.h"
#include "base/near.h"

namespace latent {

namespace {

// Uniform numbers of one row in one epoch.
class Draws {
 public:
  Draws(uint64_t seed, int64_t epoch, int32_t row)
      : key_(mix64(mix64(mix64(seed ^ kStream) + static_cast<uint64_t>(epoch)) +
                   static_cast<uint64_t>(row))) {}
  /// In [0, 1).
  double next() { return static_cast<double>(mix64(key_ += 0x9e3779b97f4a7c15u) >> 11) * 0x1p-53; }

 private:
  static constexpr uint64_t kStream = 0x6175676d656e74;
  uint64_t key_;
};

/// The number behind "name=", which must be from low to high.
double number_of(const std::string& word, double low, double high) {
  const size_t at = word.find('=') + 1;
  char* end = nullptr;
  const double value = std::strtod(word.c_str() + at, &end);
  if (at == word.size() || *end != '\0' || !(value >= low && value <= high)) {
    throw UsageError("\"" + word + "\": the number is from " + std::to_string(low) + " to " +
                     std::to_string(high));
  }
  return value;
}

}  // namespace

Augment::Augment(const std::vector<std::string>& how, const Shape& row, uint64_t seed)
    : seed_(seed) {
  if (how.empty()) return;
  if (row.rank() < 2 || row.rank() > 3) {
    throw UsageError("pictures can be augmented, but a row is " + row.text() +
                     "; rows of [height, width] or [height, width, channels] are pictures");
  }
  height_ = row[0];
  width_ = row[1];
  channels_ = row.rank() == 3 ? row[2] : 1;
  for (const std::string& word : how) {
    const std::string name = word.substr(0, word.find('='));
    if (word == "flip") {
      flip_ = true;
    } else if (word == "flip-vertical") {
      flip_vertical_ = true;
    } else if (name == "shift" && name != word) {
      const auto most = static_cast<double>(std::min(height_, width_) - 1);
      const double pixels = number_of(word, 0, most);
      shift_ = static_cast<int64_t>(pixels);
      if (static_cast<double>(shift_) != pixels)
        throw UsageError("rows are shifted by whole pixels, asked for \"" + word + "\"");
    } else if (name == "crop" && name != word) {
      crop_ = number_of(word, 0.1, 1);
    } else {
      throw UsageError(
          "pictures are augmented by flip, flip-vertical, shift=N and crop=F, asked "
          "for \"" +
          word + "\"" + did_you_mean(name, {"flip", "flip-vertical", "shift", "crop"}));
    }
  }
  old_.resize(static_cast<size_t>(row.elements()));
}

void Augment::shift(std::span<float> row, int64_t down, int64_t right) {
  std::ranges::copy(row, old_.begin());
  float* dst = row.data();
  for (int64_t y = 0; y < height_; ++y) {
    const int64_t from = std::clamp<int64_t>(y - down, 0, height_ - 1);
    for (int64_t x = 0; x < width_; ++x, dst += channels_) {
      const int64_t column = std::clamp<int64_t>(x - right, 0, width_ - 1);
      std::copy_n(old_.data() + (from * width_ + column) * channels_, channels_, dst);
    }
  }
}

// Linear between the centres of pixels, the border repeated beyond them.
void Augment::zoom(std::span<float> row, double top, double left, double part) {
  std::ranges::copy(row, old_.begin());
  struct Place {
    int64_t low, high;
    float weight;  // of high
  };
  const auto place = [part](double start, int64_t i, int64_t extent) {
    const double at = std::clamp(start + (static_cast<double>(i) + 0.5) * part - 0.5, 0.0,
                                 static_cast<double>(extent - 1));
    const auto low = static_cast<int64_t>(at);
    return Place{low, std::min(low + 1, extent - 1),
                 static_cast<float>(at - static_cast<double>(low))};
  };
  float* dst = row.data();
  for (int64_t y = 0; y < height_; ++y) {
    const Place v = place(top, y, height_);
    for (int64_t x = 0; x < width_; ++x) {
      const Place h = place(left, x, width_);
      for (int64_t c = 0; c < channels_; ++c) {
        const auto at = [&](int64_t r, int64_t q) {
          return old_[static_cast<size_t>((r * width_ + q) * channels_ + c)];
        };
        const float upper = at(v.low, h.low) + h.weight * (at(v.low, h.high) - at(v.low, h.low));
        const float lower = at(v.high, h.low) + h.weight * (at(v.high, h.high) - at(v.high, h.low));
        *dst++ = upper + v.weight * (lower - upper);
      }
    }
  }
}

void Augment::apply(std::span<float> values, int64_t epoch, std::span<const int32_t> rows) {
  if (none()) return;
  const size_t elements = old_.size();
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto row = values.subspan(i * elements, elements);
    Draws draws(seed_, epoch, rows[i]);
    // Each is drawn whether it is used or not: one more word does not change the others' draws.
    const bool mirror = draws.next() < 0.5, upside = draws.next() < 0.5;
    const double down = draws.next(), right = draws.next(), size = draws.next(), top = draws.next(),
                 left = draws.next();
    const size_t line = static_cast<size_t>(width_ * channels_);
    if (flip_ && mirror) {
      for (size_t y = 0; y < static_cast<size_t>(height_); ++y) {
        float* a = row.data() + y * line;
        for (float* b = a + line - channels_; a < b; a += channels_, b -= channels_)
          std::swap_ranges(a, a + channels_, b);
      }
    }
    if (flip_vertical_ && upside) {
      float* a = row.data();
      for (float* b = a + elements - line; a < b; a += line, b -= line)
        std::swap_ranges(a, a + line, b);
    }
    if (crop_ < 1) {
      const double part = crop_ + (1 - crop_) * size;
      zoom(row, top * (1 - part) * static_cast<double>(height_),
           left * (1 - part) * static_cast<double>(width_), part);
    }
    if (shift_ > 0) {
      const auto span = static_cast<double>(2 * shift_ + 1);
      shift(row, static_cast<int64_t>(down * span) - shift_,
            static_cast<int64_t>(right * span) - shift_);
    }
  }
}

}  // namespace latent
