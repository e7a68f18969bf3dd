// 3x3 convolutions of stride 1 by Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray 2015,
// arXiv 1509.09308): 36 products an input tile of 6x6 instead of 144. Results are cut into tiles of
// 4x4, tiles into blocks that stay in cache with their transforms:
//   forward:    y tile = A' [(G w G') . (B' x B)] A, the products of a block one [tiles, cin] by
//               [cin, cout] for each of the 36 points;
//   by data:    forward from y with the taps reversed and the channels exchanged;
//   by weights: F(3x3, 4x4) with the same points: dw = C' [sum of (H y H') . (B' x B)] C, summed
//               over the tiles of a part before it is transformed back.
// Vectors run over channels. Parts are groups of tiles, and for weights of input channels.
#include <algorithm>
#include <map>

#include "kernels/conv_offer.h"
#include "kernels/layout.h"
#include "kernels/product.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv_winograd.cc"
#include "hwy/foreach_target.h"
// foreach_target must come before this.
#include "hwy/highway.h"

#ifndef LATENT_KERNELS_CONV_WINOGRAD_ONCE_
#define LATENT_KERNELS_CONV_WINOGRAD_ONCE_
namespace latent::kernels {

constexpr int64_t kOut = 4, kPoints = 36;  // results an axis of a tile; products of a tile

/// A picture [n, height, width, stride] seen as tiles: tile (n, i, j) starts at row 4 i - top and
/// column 4 j - left. The channels used are the first `channels` from where the caller points.
struct Tiles {
  int64_t rows, cols;  // of tiles
  int64_t height, width, channels, stride;
  int64_t top = 0, left = 0;

  /// Where the extent x extent pixels of a tile stand; `outside` for those beyond the picture.
  template <class Float>
  void pixels(int64_t tile, int extent, Float* picture, Float* outside, Float** at) const {
    const int64_t n = tile / (rows * cols), row = tile / cols % rows * kOut - top,
                  col = tile % cols * kOut - left;
    for (int64_t y = row; y < row + extent; ++y) {
      for (int64_t x = col; x < col + extent; ++x) {
        const bool inside = y >= 0 && y < height && x >= 0 && x < width;
        *at++ = inside ? picture + ((n * height + y) * width + x) * stride : outside;
      }
    }
  }
};

}  // namespace latent::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace latent::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

int64_t channel_lanes() { return static_cast<int64_t>(hn::Lanes(D())); }
HWY_INLINE V times(float s, V v) { return hn::Mul(hn::Set(D(), s), v); }
HWY_INLINE V add_times(float s, V v, V sum) { return hn::MulAdd(hn::Set(D(), s), v, sum); }

// The matrices, each applied to a column of vectors. Points 0, 1, -1, 2, -2 and infinity.

struct Picture {  // B'
  static constexpr int kFrom = 6, kTo = 6;
  static HWY_INLINE void apply(const V* x, V* y) {
    const V a = add_times(-4, x[2], x[4]), b = add_times(-4, x[1], x[3]), c = hn::Sub(x[4], x[2]),
            d = hn::Sub(x[3], x[1]);
    y[0] = add_times(4, x[0], add_times(-5, x[2], x[4]));
    y[1] = hn::Add(a, b);
    y[2] = hn::Sub(a, b);
    y[3] = add_times(2, d, c);
    y[4] = add_times(-2, d, c);
    y[5] = add_times(4, x[1], add_times(-5, x[3], x[5]));
  }
};
template <int kCount>
struct AtPoints {  // G for 3 weights, H for 4 results
  static constexpr int kFrom = kCount, kTo = 6;
  static HWY_INLINE void apply(const V* x, V* y) {
    const V a = times(-1.0f / 6, hn::Add(x[0], x[2])),
            c = add_times(1.0f / 24, x[0], times(1.0f / 6, x[2]));
    V b = times(-1.0f / 6, x[1]), d = times(1.0f / 12, x[1]);
    if constexpr (kCount == 4) {
      b = add_times(-1.0f / 6, x[3], b);
      d = add_times(1.0f / 3, x[3], d);
    }
    y[0] = times(0.25f, x[0]);
    y[1] = hn::Add(a, b);
    y[2] = hn::Sub(a, b);
    y[3] = hn::Add(c, d);
    y[4] = hn::Sub(c, d);
    y[5] = x[kCount - 1];
  }
};
template <int kCount>
struct FromPoints {  // A' for 4 results, C' for 3 weights
  static constexpr int kFrom = 6, kTo = kCount;
  static HWY_INLINE void apply(const V* x, V* y) {
    const V a = hn::Add(x[1], x[2]), b = hn::Sub(x[1], x[2]), c = hn::Add(x[3], x[4]),
            d = hn::Sub(x[3], x[4]);
    y[0] = hn::Add(hn::Add(x[0], a), c);
    y[1] = add_times(2, d, b);
    y[2] = add_times(4, c, a);
    if constexpr (kCount == 4) y[3] = add_times(8, d, b);
    y[kCount - 1] = hn::Add(y[kCount - 1], x[5]);
  }
};

/// to = L from L' for `count` channels, at least as many as a vector has lanes; element (i, j) of
/// either stands where its pointer says.
template <class L>
HWY_INLINE void transform(const float* const* from, float* const* to, int64_t count) {
  const D d;
  const int64_t step = channel_lanes();
  for (int64_t c = 0; c < count; c += step) {
    const int64_t at = std::min(c, count - step);  // the last vector may overlap
    V half[L::kTo][L::kFrom];
    for (int j = 0; j < L::kFrom; ++j) {
      V in[L::kFrom], out[L::kTo];
      for (int i = 0; i < L::kFrom; ++i) in[i] = hn::LoadU(d, from[i * L::kFrom + j] + at);
      L::apply(in, out);
      for (int i = 0; i < L::kTo; ++i) half[i][j] = out[i];
    }
    for (int i = 0; i < L::kTo; ++i) {
      V out[L::kTo];
      L::apply(half[i], out);
      for (int j = 0; j < L::kTo; ++j) hn::StoreU(out[j], d, to[i * L::kTo + j] + at);
    }
  }
}

/// Pointers to the matrices that stand `distance` floats apart from `first` on.
template <int kCount, class Float>
HWY_INLINE void spread(Float* first, int64_t distance, Float** at) {
  for (int i = 0; i < kCount; ++i) at[i] = first + i * distance;
}

template <class L>
void load_tiles(const Tiles& p, const float* picture, int64_t first, int64_t count,
                const float* zeros, float* to) {
  const float* from[36];
  float* at[kPoints];
  for (int64_t t = 0; t < count; ++t) {
    p.pixels(first + t, L::kFrom, picture, zeros, from);
    spread<kPoints>(to + t * p.channels, count * p.channels, at);
    transform<L>(from, at, p.channels);
  }
}
/// Transforms of `count` tiles of x, or of y for weights, from `first` on: to [36, count,
/// channels].
void tiles_in(const Tiles& p, bool of_y, const float* picture, int64_t first, int64_t count,
              const float* zeros, float* to) {
  (of_y ? load_tiles<AtPoints<4>> : load_tiles<Picture>)(p, picture, first, count, zeros, to);
}
/// Back from products [36, count, channels]; what lies outside goes to `sink` [channels].
void results_out(const Tiles& p, const float* products, int64_t first, int64_t count, float* sink,
                 float* picture) {
  const float* from[kPoints];
  float* at[kOut * kOut];
  for (int64_t t = 0; t < count; ++t) {
    spread<kPoints>(products + t * p.channels, count * p.channels, from);
    p.pixels(first + t, kOut, picture, sink, at);
    transform<FromPoints<4>>(from, at, p.channels);
  }
}
/// `count` weights of each matrix: from [3, 3] matrices to [36], and back for gradients.
void weights_in(const float* weights, int64_t from_size, int64_t count, float* to,
                int64_t to_size) {
  const float* from[9];
  float* at[kPoints];
  spread<9>(weights, from_size, from);
  spread<kPoints>(to, to_size, at);
  transform<AtPoints<3>>(from, at, count);
}
void weights_out(const float* sums, int64_t from_size, int64_t count, float* weights,
                 int64_t to_size) {
  const float* from[kPoints];
  float* at[9];
  spread<kPoints>(sums, from_size, from);
  spread<9>(weights, to_size, at);
  transform<FromPoints<3>>(from, at, count);
}

}  // namespace HWY_NAMESPACE
}  // namespace latent::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace latent::kernels {

namespace {

HWY_EXPORT(channel_lanes);
HWY_EXPORT(tiles_in);
HWY_EXPORT(results_out);
HWY_EXPORT(weights_in);
HWY_EXPORT(weights_out);

constexpr int64_t kGroup = 64;  // input channels of a part of weight gradients
constexpr int64_t kMostParts = 8, kBlockBytes = 384 << 10;

/// Products of a block's tiles for each number of tiles that a block may have.
using Products = std::map<int64_t, SmallProduct>;

/// Adds the product of each size of blocks, [tiles, k] by [k, n], or transposed and adding; false
/// where there is none.
bool add_products(Products& all, int64_t tiles, int64_t parts, int64_t block,
                  const std::function<SmallProduct(int64_t)>& make) {
  for (int64_t part = 0; part < parts; ++part) {
    const int64_t last = tiles * (part + 1) / parts;
    for (int64_t t = tiles * part / parts; t < last; t += block) {
      SmallProduct& product = all[std::min(block, last - t)];
      if (!product) product = make(std::min(block, last - t));
      if (!product) return false;
    }
  }
  return true;
}

Tiles tiles_over(const ConvProblem& p, bool of_x) {
  const auto tiles = [](const ConvAxis& a) { return (a.places + kOut - 1) / kOut; };
  if (!of_x) return {tiles(p.h), tiles(p.w), p.h.places, p.w.places, p.cout, p.cout};
  return {tiles(p.h), tiles(p.w), p.h.size, p.w.size, p.cin, p.cin, p.h.before, p.w.before};
}

/// By data is forward from y to x, with the taps reversed.
ConvProblem as_forward(ConvProblem p) {
  if (p.pass != ConvPass::by_data) return p;
  std::swap(p.cin, p.cout);
  for (ConvAxis* a : {&p.h, &p.w}) {
    std::swap(a->size, a->places);
    a->before = a->taps - 1 - a->before;
  }
  return p;
}

/// The call that transforms the weights to [36, cin, cout], by parts along rows. Those of `by data`
/// are first turned, in scratch memory.
Call pack_call(const ConvProblem& f, bool by_data) {
  Call call;
  call.kernel = "winograd weights";
  call.parts = static_cast<int>(std::clamp<int64_t>(f.cin / 16, 1, kMostParts));
  call.scratch_bytes = by_data ? static_cast<size_t>(9 * f.cin * f.cout) * sizeof(float) : 0;
  call.packs = 2;
  call.packed_bytes = static_cast<size_t>(kPoints * f.cin * f.cout) * sizeof(float);
  call.run = [=, parts = call.parts](int part, void* const* operands, std::byte* scratch,
                                     const RunState&) {
    const auto* w = static_cast<const float*>(operands[2]);
    auto *base = static_cast<float*>(operands[3]), *turned = reinterpret_cast<float*>(scratch);
    const int64_t begin = f.cin * part / parts, rows = f.cin * (part + 1) / parts - begin,
                  size = f.cin * f.cout;
    if (by_data) {
      const int64_t extents[] = {9, rows, f.cout}, to[] = {size, f.cout, 1},
                    from[] = {-size, 1, f.cin};
      strided_copy(turned + begin * f.cout, w + 8 * size + begin, sizeof(float), 3, extents, to,
                   from);
      w = turned;
    }
    HWY_DYNAMIC_DISPATCH(weights_in)
    (w + begin * f.cout, size, rows * f.cout, base + begin * f.cout, size);
  };
  return call;
}

Offer results(const ConvProblem& p) {
  const ConvProblem f = as_forward(p);
  const Tiles in = tiles_over(f, true), out = tiles_over(f, false);
  const int64_t tiles = f.n * in.rows * in.cols, size = f.cin * f.cout;
  // Many weights are read for at least 16 tiles, few for 8.
  const int64_t least = size * kPoints > 1 << 17 ? 16 : 8,
                parts = std::clamp<int64_t>(tiles / least, 1, kMostParts);
  // Transforms of a block stay in cache.
  const int64_t block = std::clamp<int64_t>(kBlockBytes / (kPoints * 4 * (f.cin + f.cout)), 16, 32);
  Products products;
  if (!add_products(products, tiles, parts, block,
                    [&](int64_t m) { return small_product(m, f.cout, f.cin, false, false); }))
    return {{}, "no small product of its channels"};
  // Scratch: for each part a pixel outside, x and the products.
  const int64_t outside = aligned_floats(std::max(f.cin, f.cout)),
                x = aligned_floats(kPoints * block * f.cin),
                each = outside + x + aligned_floats(kPoints * block * f.cout);
  Call call;
  call.kernel = "winograd 4x4 " + p.text();
  call.parts = static_cast<int>(parts);
  call.flops = p.flops();
  call.scratch_bytes = static_cast<size_t>(parts * each) * sizeof(float);
  call.run = [=](int part, void* const* operands, std::byte* scratch, const RunState&) {
    const auto* weights = static_cast<const float*>(operands[3]);
    float* blank = reinterpret_cast<float*>(scratch) + part * each;
    float *v = blank + outside, *m = v + x;
    const int64_t last = tiles * (part + 1) / parts;
    for (int64_t t = tiles * part / parts; t < last; t += block) {
      const int64_t count = std::min(block, last - t);
      const SmallProduct& product = products.at(count);
      std::fill_n(blank, f.cin, 0.0f);
      HWY_DYNAMIC_DISPATCH(tiles_in)
      (in, false, static_cast<const float*>(operands[1]), t, count, blank, v);
      for (int64_t e = 0; e < kPoints; ++e)
        product(m + e * count * f.cout, v + e * count * f.cin, weights + e * size);
      HWY_DYNAMIC_DISPATCH(results_out)
      (out, m, t, count, blank, static_cast<float*>(operands[0]));
    }
  };
  return {{pack_call(f, p.pass == ConvPass::by_data), std::move(call)}, {}};
}

Offer weight_gradients(const ConvProblem& p) {
  const int64_t groups = std::clamp<int64_t>(p.cin / kGroup, 1, 4);
  if (p.cin % groups) return {{}, "channels do not fall into groups"};
  const int64_t cin = p.cin / groups, size = cin * p.cout;
  const Tiles of_y = tiles_over(p, false);
  Tiles of_x = tiles_over(p, true);
  of_x.channels = cin;
  const int64_t tiles = p.n * of_x.rows * of_x.cols;
  const int64_t cuts = std::clamp<int64_t>(tiles / 64, 1, kMostParts / groups);
  const int64_t block = std::min<int64_t>(64, (tiles + cuts - 1) / cuts);
  Products products;
  if (!add_products(products, tiles, cuts, block,
                    [&](int64_t k) { return small_product(cin, p.cout, k, true, true); }))
    return {{}, "no small product of its channels"};
  // Scratch: gradients of each cut; for each part the sums of products, a pixel outside, x and y.
  const int64_t gradients = aligned_floats(p.weights()), sums = aligned_floats(kPoints * size),
                outside = aligned_floats(std::max(p.cin, p.cout)),
                x = aligned_floats(kPoints * block * cin),
                each = sums + outside + x + aligned_floats(kPoints * block * p.cout);
  Call call;
  call.kernel = "winograd 4x4 " + p.text();
  call.parts = static_cast<int>(cuts * groups);
  call.flops = p.flops();
  call.scratch_bytes = static_cast<size_t>(cuts * (gradients + groups * each)) * sizeof(float);
  call.run = [=](int part, void* const* operands, std::byte* scratch, const RunState&) {
    auto* base = reinterpret_cast<float*>(scratch);
    float* s = base + cuts * gradients + part * each;
    float *blank = s + sums, *v = blank + outside, *d = v + x;
    const int64_t cut = part / groups, channel = part % groups * cin;
    const int64_t last = tiles * (cut + 1) / cuts;
    std::fill_n(s, kPoints * size, 0.0f);
    std::fill_n(blank, outside, 0.0f);
    for (int64_t t = tiles * cut / cuts; t < last; t += block) {
      const int64_t count = std::min(block, last - t);
      const SmallProduct& product = products.at(count);
      HWY_DYNAMIC_DISPATCH(tiles_in)
      (of_x, false, static_cast<const float*>(operands[1]) + channel, t, count, blank, v);
      HWY_DYNAMIC_DISPATCH(tiles_in)
      (of_y, true, static_cast<const float*>(operands[2]), t, count, blank, d);
      for (int64_t e = 0; e < kPoints; ++e)
        product(s + e * size, v + e * count * cin, d + e * count * p.cout);
    }
    float* to = cuts > 1 ? base + cut * gradients : static_cast<float*>(operands[0]);
    HWY_DYNAMIC_DISPATCH(weights_out)(s, size, size, to + channel * p.cout, p.cin * p.cout);
  };
  std::vector<Call> calls = {std::move(call)};
  if (cuts > 1)
    calls.push_back(add_rows_call(0, static_cast<int>(cuts), p.weights(), gradients, true));
  return {std::move(calls), {}};
}

}  // namespace

Offer conv_by_winograd(const ConvProblem& p) {
  const auto fits = [](const ConvAxis& a) {
    return a.taps == 3 && a.stride == 1 && a.dilation == 1 && a.before <= 2 && a.after <= 2;
  };
  if (!fits(p.h) || !fits(p.w)) return {{}, "3x3 of stride 1 with padding up to 2 only"};
  if (p.groups != 1 ||
      std::min(p.cin, p.cout) < std::max<int64_t>(16, HWY_DYNAMIC_DISPATCH(channel_lanes)()))
    return {{}, "one group of at least 16 channels on both sides only"};
  const Tiles t = tiles_over(as_forward(p), false);
  if (p.n * t.rows * t.cols < 16 || 2 * t.height * t.width < t.rows * t.cols * kOut * kOut)
    return {{}, "from 16 tiles of 4x4 on that are at least half full"};
  return p.pass == ConvPass::by_weights ? weight_gradients(p) : results(p);
}

}  // namespace latent::kernels
#endif
