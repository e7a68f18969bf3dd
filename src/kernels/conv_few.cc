// Convolutions of stride 1 between a wide tensor (many channels) and a narrow one (1 to 4): the
// last layer of a decoder, where library kernels, whose vectors run over the narrow channels, work
// at a tenth of the machine's rate. Here vectors run over the wide channels. With wide pixels
// q = p + offset(t) for each narrow pixel p and tap t, and weights packed as [t][f][c]:
//   gather:  narrow[p][f] = sum of wide[p + offset(t)][c] w[t][f][c]: a block of pixels at a time,
//            each with one accumulator a narrow channel, whose lanes are added at the end;
//   weights: dw[t][f][c] = sum of narrow[p][f] wide[p + offset(t)][c]: a row and a tap at a time.
// The third direction, from narrow to wide, suits library kernels.
#include <algorithm>

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

/// An axis of the pictures: tap k of narrow pixel p meets wide pixel p + offset(k).
struct FewAxis {
  int64_t narrow, wide, taps;  // extents
  int64_t first, step;

  int64_t offset(int64_t k) const { return first + k * step; }
  /// Cuts [begin, end) to the narrow pixels whose wide pixel of tap k lies in the picture.
  void clip(int64_t k, int64_t& begin, int64_t& end) const {
    begin = std::max(begin, -offset(k));
    end = std::min(end, wide - offset(k));
  }
};

/// The problem as this file sees it.
struct Few {
  int64_t few, channels;  // of the narrow and of the wide tensor
  FewAxis h, w;

  int64_t narrow_image() const { return h.narrow * w.narrow * few; }
  int64_t wide_image() const { return h.wide * w.wide * channels; }
  int64_t packed() const { return h.taps * w.taps * few * channels; }
};

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
  // From `begin` to `end` every column of taps lies in the picture; beside them, each pixel has its
  // own.
  int64_t begin = 0, end = p.w.narrow;
  for (int64_t k = 0; k < p.w.taps; ++k) p.w.clip(k, begin, end);
  if (begin >= end) begin = end = p.w.narrow;
  for (int64_t y = 0; y < p.h.narrow; ++y) {
    for (int64_t x = 0; x < p.w.narrow;) {
      int count = 0;
      for (int64_t r = 0; r < p.h.taps; ++r) {
        const int64_t row = y + p.h.offset(r);
        if (row < 0 || row >= p.h.wide) continue;
        for (int64_t c = 0; c < p.w.taps; ++c) {
          const int64_t col = x + p.w.offset(c);
          if (col < 0 || col >= p.w.wide) continue;
          taps[count++] = {weights + (r * p.w.taps + c) * kFew * p.channels,
                           (p.h.offset(r) * p.w.wide + p.w.offset(c)) * p.channels};
        }
      }
      const int64_t pixels = x >= begin && x < end ? end - x : 1;
      gather_run<kFew, kAccumulators / kFew>(taps, count, p.channels,
                                             wide + (y * p.w.wide + x) * p.channels,
                                             narrow + (y * p.w.narrow + x) * kFew, pixels);
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
  for (int64_t y = 0; y < p.h.narrow; ++y) {
    for (int64_t r = 0; r < p.h.taps; ++r) {
      const int64_t row = y + p.h.offset(r);
      if (row < 0 || row >= p.h.wide) continue;
      for (int64_t c = 0; c < p.w.taps; ++c) {
        int64_t first = 0, last = p.w.narrow;
        p.w.clip(c, first, last);
        if (first >= last) continue;
        const float* from = wide + (row * p.w.wide + first + p.w.offset(c)) * p.channels;
        const float* with = narrow + (y * p.w.narrow + first) * kFew;
        float* to = sums + (r * p.w.taps + c) * kFew * p.channels;
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
  const auto axis = [&](const ConvAxis& a) {
    return narrow_results ? FewAxis{a.places, a.size, a.taps, -a.before, a.dilation}
                          : FewAxis{a.size, a.places, a.taps, a.before, -a.dilation};
  };
  return {std::min(p.cin, p.cout), std::max(p.cin, p.cout), axis(p.h), axis(p.w)};
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

Offer conv_by_few(const ConvProblem& p) {
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
  const std::vector<ConvShare> shares = conv_shares(p);
  Call call = conv_call("few channels", p, shares);
  const int parts = call.parts;
  const int64_t size = few_of(p, narrow_results).packed(), stride = aligned_floats(size);
  call.scratch_bytes = static_cast<size_t>(stride * parts) * sizeof(float);
  call.run = [=, at = operands_of(p.pass)](int part, void* const* operands, std::byte* scratch,
                                           const RunState&) {
    const ConvShare& s = shares[static_cast<size_t>(part)];
    const Few f = few_of(s.problem, narrow_results);
    float *x = static_cast<float*>(operands[at.x]) + s.x,
          *y = static_cast<float*>(operands[at.y]) + s.y,
          *weights = reinterpret_cast<float*>(scratch) + stride * part;
    float *narrow = narrow_results ? y : x, *wide = narrow_results ? x : y;
    if (by_weights)
      std::fill_n(weights, size, 0.0f);
    else
      repack(f, narrow_results, static_cast<const float*>(operands[at.weights]), weights, false);
    for (int64_t n = 0; n < s.problem.n; ++n) {
      if (by_weights)
        HWY_DYNAMIC_DISPATCH(add_weights)(f, wide, narrow, weights);
      else
        HWY_DYNAMIC_DISPATCH(gather)(f, wide, weights, narrow);
      narrow += f.narrow_image();
      wide += f.wide_image();
    }
  };
  std::vector<Call> calls = {std::move(call)};
  if (by_weights) {
    if (parts > 1) calls.push_back(add_rows_call(0, parts, size, stride, false));
    Call unpack;
    unpack.kernel = "unpack weight gradients";
    unpack.run = [=, f = few_of(p, narrow_results)](int, void* const* operands, std::byte* scratch,
                                                    const RunState&) {
      repack(f, narrow_results, reinterpret_cast<const float*>(scratch),
             static_cast<float*>(operands[0]), true);
    };
    calls.push_back(std::move(unpack));
  }
  return {std::move(calls), {}};
}

}  // namespace latent::kernels
#endif
