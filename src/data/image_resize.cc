// Resampling in two passes, along rows and then along columns, in float32; see image_resize.h.
#include "data/image_resize.h"

#include <algorithm>
#include <cmath>

#include "latent/error.h"

namespace latent {

namespace {

// A stretch of source pixels and what each counts for in one pixel of the result; they sum to 1.
struct Taps {
  int first = 0;
  std::vector<float> weights;
};

/// For `count` pixels that divide the stretch from `low` to `high` of an axis of `extent` pixels.
std::vector<Taps> taps_of(double low, double high, int extent, int count) {
  std::vector<Taps> all(static_cast<size_t>(count));
  const double step = (high - low) / count;
  for (int i = 0; i < count; ++i) {
    Taps& t = all[static_cast<size_t>(i)];
    if (step > 1) {
      const double from = low + step * i, to = std::min<double>(from + step, extent);
      t.first = std::min(static_cast<int>(from), extent - 1);
      for (int k = t.first; k < extent && k < to; ++k) {
        const double covered = std::min<double>(to, k + 1) - std::max<double>(from, k);
        t.weights.push_back(static_cast<float>(covered / (to - from)));
      }
    } else {
      const double centre = std::clamp(low + step * (i + 0.5) - 0.5, 0.0, extent - 1.0);
      t.first = static_cast<int>(centre);
      const auto part = static_cast<float>(centre - t.first);
      t.weights = {1 - part};
      if (part > 0) t.weights.push_back(part);
    }
  }
  return all;
}

Image to_grey(const Image& image) {
  Image grey{.height = image.height, .width = image.width, .channels = 1};
  grey.pixels.resize(image.pixels.size() / 3);
  const uint8_t* p = image.pixels.data();
  for (uint8_t& v : grey.pixels) {
    v = static_cast<uint8_t>((299 * p[0] + 587 * p[1] + 114 * p[2] + 500) / 1000);
    p += 3;
  }
  return grey;
}

struct Stretch {
  double low, high;
};

/// The part of the source between the stretches of its rows and columns, as height x width pixels.
Image resampled(const Image& image, Stretch rows, Stretch columns, int height, int width) {
  const auto c = static_cast<size_t>(image.channels), w = static_cast<size_t>(width);
  const std::vector<Taps> down = taps_of(rows.low, rows.high, image.height, height);
  const std::vector<Taps> across = taps_of(columns.low, columns.high, image.width, width);
  const int first = down.front().first;
  const int last = down.back().first + static_cast<int>(down.back().weights.size());
  // Rows first .. last - 1 of the source, resampled along themselves.
  std::vector<float> narrow(static_cast<size_t>(last - first) * w * c);
  float* dst = narrow.data();
  for (int y = first; y < last; ++y) {
    const uint8_t* row =
        image.pixels.data() + static_cast<size_t>(y) * static_cast<size_t>(image.width) * c;
    for (const Taps& t : across) {
      const uint8_t* src = row + static_cast<size_t>(t.first) * c;
      for (const float weight : t.weights) {
        for (size_t k = 0; k < c; ++k) dst[k] += weight * static_cast<float>(*src++);
      }
      dst += c;
    }
  }
  Image out{.height = height, .width = width, .channels = image.channels};
  out.pixels.resize(static_cast<size_t>(height) * w * c);
  uint8_t* pixel = out.pixels.data();
  std::vector<float> sum(w * c);
  for (const Taps& t : down) {
    std::ranges::fill(sum, 0.5f);  // rounds
    const float* src = narrow.data() + static_cast<size_t>(t.first - first) * w * c;
    for (const float weight : t.weights) {
      for (float& v : sum) v += weight * *src++;
    }
    for (const float v : sum) *pixel++ = static_cast<uint8_t>(std::min(v, 255.f));
  }
  return out;
}

/// The middle part of an axis whose length is `part` of it.
Stretch middle(double extent, double part) {
  return {extent * (1 - part) / 2, extent * (1 + part) / 2};
}

}  // namespace

Fit fit_named(const std::string& name) {
  if (name == "crop") return Fit::crop;
  if (name == "pad") return Fit::pad;
  if (name == "stretch") return Fit::stretch;
  throw UsageError("pictures are fitted by crop, pad or stretch, asked for \"" + name + "\"");
}

Image fitted(const Image& image, int height, int width, Fit fit, int channels) {
  if (image.channels == 3 && channels == 1)
    return fitted(to_grey(image), height, width, fit, channels);
  const double tall = static_cast<double>(height) / image.height,
               wide = static_cast<double>(width) / image.width;  // scales
  Image out;
  if (fit == Fit::pad) {
    const double scale = std::min(tall, wide);
    const auto part = [scale](int extent, int most) {
      return std::clamp(static_cast<int>(std::lround(extent * scale)), 1, most);
    };
    const int h = part(image.height, height), w = part(image.width, width);
    const Image inner = resampled(image, middle(image.height, 1), middle(image.width, 1), h, w);
    out = {.height = height, .width = width, .channels = image.channels};
    const auto c = static_cast<size_t>(image.channels), row = static_cast<size_t>(w) * c;
    out.pixels.resize(static_cast<size_t>(height) * static_cast<size_t>(width) * c);
    const size_t left = static_cast<size_t>((width - w) / 2) * c;
    for (int y = 0; y < h; ++y) {
      const auto to = static_cast<size_t>((height - h) / 2 + y) * static_cast<size_t>(width) * c;
      std::copy_n(inner.pixels.data() + static_cast<size_t>(y) * row, row,
                  out.pixels.data() + to + left);
    }
  } else {
    const double scale = fit == Fit::crop ? std::max(tall, wide) : 0;
    const auto kept = [scale](double own) { return scale > 0 ? own / scale : 1.0; };
    out = resampled(image, middle(image.height, kept(tall)), middle(image.width, kept(wide)),
                    height, width);
  }
  if (channels == out.channels) return out;
  std::vector<uint8_t> grey = std::move(out.pixels);
  out.channels = channels;
  out.pixels.clear();
  out.pixels.reserve(grey.size() * 3);
  for (const uint8_t v : grey) out.pixels.insert(out.pixels.end(), 3, v);
  return out;
}

}  // namespace latent
