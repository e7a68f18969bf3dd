// Convolutions of stride 1 between a wide tensor (many channels) and a narrow one (1 to 4): the
// last layer of a decoder, where library kernels, whose vectors run over the narrow channels, work
// at a tenth of the machine's rate. Here vectors run over the wide channels. With wide pixels
// q = p + offset(t) for each narrow pixel p and tap t, and weights packed as [t][f][c]:
//   gather:  narrow[p][f] = sum of wide[p + offset(t)][c] w[t][f][c]: a block of pixels at a time,
//            each with one accumulator a narrow channel, whose lanes are added at the end;
//   weights: dw[t][f][c] = sum of narrow[p][f] wide[p + offset(t)][c]: a row and a tap at a time.
// The third direction, from narrow to wide, suits library kernels.
#include <algorithm>
#include <vector>

#include "kernels/conv_offer.h"
#include "kernels/layout.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv_few.cc"
#include "hwy/foreach_target.h"
// foreach_target must come before this.
#include "hwy/highway.h"

#ifndef LATENT_KERNELS_CONV_FEW_ONCE_
#define LATENT_KERNELS_CONV_FEW_ONCE_
namespace latent::kernels {

constexpr int kMostFew = 4, kMostTaps = 128;

/// The problem as this file sees it. Offsets go from a narrow pixel to the wide pixels that it
/// meets.
struct Few {
  int64_t few, channels;  // of the narrow and of the wide tensor
  int64_t height, width;  // of the narrow picture
  int64_t wide_height, wide_width;
  std::vector<int64_t> rows, cols;  // offsets of each row and column of taps

  int64_t taps() const { return static_cast<int64_t>(rows.size() * cols.size()); }
  int64_t narrow_image() const { return height * width * few; }
  int64_t wide_image() const { return wide_height * wide_width * channels; }
  int64_t packed() const { return taps() * few * channels; }
};

/// Narrow columns [first, last) whose wide column at this offset lies in the picture.
inline void clip(int64_t offset, int64_t wide, int64_t& first, int64_t& last) {
  first = std::max(first, -offset);
  last = std::min(last, wide - offset);
}

}  // namespace latent::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace latent::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int kAccumulators = 12;  // leave registers for weights and a pixel

int64_t lanes() { return static_cast<int64_t>(hn::Lanes(D())); }

/// A tap that lies in the picture: its weights [f][c] and the distance to its wide pixel, in
/// floats.
struct Tap {
  const float* weights;
  int64_t distance;
};

/// kPixels neighbouring pixels of a row, whose wide pixels stand from `wide` on.
template <int kFew, int kPixels>
HWY_INLINE void gather_block(const Tap* taps, int count, int64_t channels, const float* wide,
                             float* narrow) {
  const D d;
  V acc[kPixels][kFew];
  for (auto& pixel : acc)
    for (V& a : pixel) a = hn::Zero(d);
  const int64_t step = lanes();
  for (int t = 0; t < count; ++t) {
    const float* pixel = wide + taps[t].distance;
    for (int64_t c = 0; c < channels; c += step) {
      V w[kFew];
      for (int f = 0; f < kFew; ++f) w[f] = hn::LoadU(d, taps[t].weights + f * channels + c);
      for (int p = 0; p < kPixels; ++p) {
        const V x = hn::LoadU(d, pixel + p * channels + c);
        for (int f = 0; f < kFew; ++f) acc[p][f] = hn::MulAdd(x, w[f], acc[p][f]);
      }
    }
  }
  for (int p = 0; p < kPixels; ++p)
    for (int f = 0; f < kFew; ++f) narrow[p * kFew + f] = hn::GetLane(hn::SumOfLanes(d, acc[p][f]));
}

/// `pixels` neighbouring pixels: blocks of kPixels, then of half as many.
template <int kFew, int kPixels>
void gather_run(const Tap* taps, int count, int64_t channels, const float* wide, float* narrow,
                int64_t pixels) {
  for (; pixels >= kPixels; pixels -= kPixels) {
    gather_block<kFew, kPixels>(taps, count, channels, wide, narrow);
    wide += kPixels * channels;
    narrow += kPixels * kFew;
  }
  if constexpr (kPixels > 1)
    gather_run<kFew, kPixels / 2>(taps, count, channels, wide, narrow, pixels);
}

template <int kFew>
void gather_image(const Few& p, const float* wide, const float* weights, float* narrow) {
  Tap taps[kMostTaps];
  for (int64_t y = 0; y < p.height; ++y) {
    // From `first` to `last` every column of taps lies in the picture; beside them, each pixel has
    // its own.
    int64_t first = 0, last = p.width;
    for (int64_t offset : p.cols) clip(offset, p.wide_width, first, last);
    if (first >= last) first = last = p.width;
    for (int64_t x = 0; x < p.width;) {
      const bool inside = x >= first && x < last;
      int count = 0;
      for (size_t r = 0; r < p.rows.size(); ++r) {
        const int64_t row = y + p.rows[r];
        if (row < 0 || row >= p.wide_height) continue;
        for (size_t c = 0; c < p.cols.size(); ++c) {
          const int64_t col = x + p.cols[c];
          if (col < 0 || col >= p.wide_width) continue;
          const auto tap = static_cast<int64_t>(r * p.cols.size() + c);
          taps[count++] = {weights + tap * kFew * p.channels,
                           (p.rows[r] * p.wide_width + p.cols[c]) * p.channels};
        }
      }
      const int64_t pixels = inside ? last - x : 1;
      gather_run<kFew, kAccumulators / kFew>(taps, count, p.channels,
                                             wide + (y * p.wide_width + x) * p.channels,
                                             narrow + (y * p.width + x) * kFew, pixels);
      x += pixels;
    }
  }
}

/// sums[f][c] += narrow[x][f] wide[x][c] over `pixels` pixels, for kVectors vectors of c. Every
/// kPhases-th pixel has sums of its own, so that enough additions are under way at a time.
template <int kFew, int kVectors>
HWY_INLINE void weights_block(int64_t channels, int64_t pixels, const float* narrow,
                              const float* wide, float* sums) {
  constexpr int kSums = kFew * kVectors, kPhases = kSums > 4 ? 1 : kSums > 2 ? 2 : 4;
  const D d;
  const int64_t step = lanes();
  V acc[kPhases][kFew][kVectors];
  for (auto& phase : acc)
    for (auto& f : phase)
      for (V& a : f) a = hn::Zero(d);
  const auto pixel = [&](int64_t x, auto& sum) HWY_ATTR {
    V n[kFew];
    for (int f = 0; f < kFew; ++f) n[f] = hn::Set(d, narrow[x * kFew + f]);
    for (int v = 0; v < kVectors; ++v) {
      const V w = hn::LoadU(d, wide + x * channels + v * step);
      for (int f = 0; f < kFew; ++f) sum[f][v] = hn::MulAdd(n[f], w, sum[f][v]);
    }
  };
  int64_t x = 0;
  for (; x + kPhases <= pixels; x += kPhases)
    for (int k = 0; k < kPhases; ++k) pixel(x + k, acc[k]);
  for (; x < pixels; ++x) pixel(x, acc[0]);
  for (int f = 0; f < kFew; ++f) {
    for (int v = 0; v < kVectors; ++v) {
      for (int half = kPhases / 2; half > 0; half /= 2) {
        for (int k = 0; k < half; ++k) acc[k][f][v] = hn::Add(acc[k][f][v], acc[k + half][f][v]);
      }
      float* at = sums + f * channels + v * step;
      hn::StoreU(hn::Add(hn::LoadU(d, at), acc[0][f][v]), d, at);
    }
  }
}

/// Adds one image to sums [t][f][c].
template <int kFew>
void weights_image(const Few& p, const float* wide, const float* narrow, float* sums) {
  constexpr int kMany = kFew > 3 ? 2 : 4;
  const int64_t step = lanes();
  for (int64_t y = 0; y < p.height; ++y) {
    for (size_t r = 0; r < p.rows.size(); ++r) {
      const int64_t row = y + p.rows[r];
      if (row < 0 || row >= p.wide_height) continue;
      for (size_t c = 0; c < p.cols.size(); ++c) {
        int64_t first = 0, last = p.width;
        clip(p.cols[c], p.wide_width, first, last);
        if (first >= last) continue;
        const float* from = wide + (row * p.wide_width + first + p.cols[c]) * p.channels;
        const float* with = narrow + (y * p.width + first) * kFew;
        float* to = sums + static_cast<int64_t>(r * p.cols.size() + c) * kFew * p.channels;
        int64_t k = 0;
        for (; k + kMany * step <= p.channels; k += kMany * step)
          weights_block<kFew, kMany>(p.channels, last - first, with, from + k, to + k);
        for (; k + 2 * step <= p.channels; k += 2 * step)
          weights_block<kFew, 2>(p.channels, last - first, with, from + k, to + k);
        for (; k < p.channels; k += step)
          weights_block<kFew, 1>(p.channels, last - first, with, from + k, to + k);
      }
    }
  }
}

void gather(const Few& p, const float* wide, const float* weights, float* narrow) {
  constexpr decltype(&gather_image<1>) kBy[] = {gather_image<1>, gather_image<2>, gather_image<3>,
                                                gather_image<4>};
  kBy[p.few - 1](p, wide, weights, narrow);
}
void add_weights(const Few& p, const float* wide, const float* narrow, float* sums) {
  constexpr decltype(&weights_image<1>) kBy[] = {weights_image<1>, weights_image<2>,
                                                 weights_image<3>, weights_image<4>};
  kBy[p.few - 1](p, wide, narrow, sums);
}

}  // namespace HWY_NAMESPACE
}  // namespace latent::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace latent::kernels {

namespace {

HWY_EXPORT(lanes);
HWY_EXPORT(gather);
HWY_EXPORT(add_weights);

Few few_of(const ConvProblem& p, bool narrow_results) {
  Few f;
  f.few = narrow_results ? p.cout : p.cin;
  f.channels = narrow_results ? p.cin : p.cout;
  f.height = narrow_results ? p.h.places : p.h.size;
  f.width = narrow_results ? p.w.places : p.w.size;
  f.wide_height = narrow_results ? p.h.size : p.h.places;
  f.wide_width = narrow_results ? p.w.size : p.w.places;
  const auto offsets = [&](const ConvAxis& a) {
    std::vector<int64_t> all;
    for (int64_t k = 0; k < a.taps; ++k) {
      const int64_t from_y = k * a.dilation - a.before;
      all.push_back(narrow_results ? from_y : -from_y);
    }
    return all;
  };
  f.rows = offsets(p.h);
  f.cols = offsets(p.w);
  return f;
}

/// Between the plain weights, [t][c][f] where results are narrow, and the packed [t][f][c].
void repack(const Few& f, bool narrow_results, const float* from, float* to, bool unpack) {
  if (!narrow_results) {
    std::copy_n(from, f.packed(), to);
    return;
  }
  for (int64_t at = 0; at < f.packed(); at += f.few * f.channels)
    transpose(from + at, to + at, unpack ? f.few : f.channels, unpack ? f.channels : f.few);
}

}  // namespace

ConvOffer conv_by_few(const ConvProblem& p) {
  const int64_t few = std::min(p.cin, p.cout), many = std::max(p.cin, p.cout);
  const int64_t lanes = HWY_DYNAMIC_DISPATCH(lanes)();
  if (few < 1 || few > kMostFew) return {{}, "1 to 4 channels on one side only"};
  if (p.groups != 1) return {{}, "one group only"};
  if (p.h.stride != 1 || p.w.stride != 1) return {{}, "stride 1 only"};
  if (many % lanes) {
    return {{}, "channels in multiples of " + std::to_string(lanes) + " on the other side only"};
  }
  if (p.h.taps * p.w.taps > kMostTaps) return {{}, "at most 128 taps"};
  const bool narrow_results = p.cout <= p.cin;
  if (p.pass != ConvPass::by_weights && (p.pass == ConvPass::forward) != narrow_results)
    return {{}, "many channels are computed from few"};
  const bool by_weights = p.pass == ConvPass::by_weights;
  struct Share : ConvShare {
    Few few;
  };
  std::vector<Share> shares;
  const std::vector<ConvShare> cut = conv_shares(p);
  const uint64_t pieces = conv_pieces(p, cut);
  for (const ConvShare& s : cut) {
    Few own = few_of(s.problem, narrow_results);
    shares.push_back({s, std::move(own)});
  }
  const Few f = few_of(p, narrow_results);
  Call call;
  call.kernel = "few channels " + p.text();
  call.flops = p.flops();
  call.parts = static_cast<int>(shares.size());
  call.pieces = pieces;
  const int64_t stride = aligned_floats(f.packed());
  call.scratch_bytes = static_cast<size_t>(stride) * sizeof(float) * shares.size();
  call.run = [=](int part, void* const* operands, std::byte* scratch, const RunState&) {
    const Share& s = shares[static_cast<size_t>(part)];
    float* weights = reinterpret_cast<float*>(scratch) + stride * part;
    if (by_weights) {
      const float *x = static_cast<const float*>(operands[1]) + s.x,
                  *y = static_cast<const float*>(operands[2]) + s.y;
      std::fill_n(weights, f.packed(), 0.0f);
      for (int64_t n = 0; n < s.problem.n; ++n) {
        const float *at_x = x + n * s.problem.x_image(), *at_y = y + n * s.problem.y_image();
        HWY_DYNAMIC_DISPATCH(add_weights)
        (s.few, narrow_results ? at_x : at_y, narrow_results ? at_y : at_x, weights);
      }
    } else {
      repack(f, narrow_results, static_cast<const float*>(operands[2]), weights, false);
      const float* wide = static_cast<const float*>(operands[1]) + (narrow_results ? s.x : s.y);
      float* narrow = static_cast<float*>(operands[0]) + (narrow_results ? s.y : s.x);
      for (int64_t n = 0; n < s.problem.n; ++n) {
        HWY_DYNAMIC_DISPATCH(gather)
        (s.few, wide + n * s.few.wide_image(), weights, narrow + n * s.few.narrow_image());
      }
    }
  };
  const int parts = call.parts;
  ConvOffer offer;
  offer.calls.push_back(std::move(call));
  if (by_weights) {
    if (parts > 1) offer.calls.push_back(add_rows_call(0, parts, f.packed(), stride, false));
    Call unpack;
    unpack.kernel = "unpack weight gradients";
    unpack.run = [=](int, void* const* operands, std::byte* scratch, const RunState&) {
      repack(f, narrow_results, reinterpret_cast<const float*>(scratch),
             static_cast<float*>(operands[0]), true);
    };
    offer.calls.push_back(std::move(unpack));
  }
  return offer;
}

}  // namespace latent::kernels
#endif
