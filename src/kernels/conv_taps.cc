// Gradients of weights between many channels, of any stride, padding and dilation, as sums of
// products over rows of the pictures, read where they stand: for each tap
//   dw[tap] [cin, cout] += sum over rows of x' [cin, pixels] y [pixels, cout],
// the pixels of x a stride of the convolution apart. Pixels whose tap falls outside are left out.
// Rows are taken a few at a time, which stay in cache while all taps read them. LIBXSMM multiplies
// (product.h).
#include <algorithm>

#include "kernels/conv_offer.h"
#include "kernels/product.h"

namespace latent::kernels {

namespace {

constexpr int64_t kLeastChannels = 8;
constexpr int64_t kPixels = 256;    // of a row at a time
constexpr int64_t kMostRows = 448;  // taken together
constexpr int64_t kBlock = 64;      // channels of y at a time

/// Places of y whose tap k lies in x: from first to last.
std::pair<int64_t, int64_t> met(const ConvAxis& a, int64_t k) {
  const int64_t before = a.before - k * a.dilation, room = a.size - 1 + before;
  const int64_t first = before > 0 ? (before + a.stride - 1) / a.stride : 0;
  return {first,
          room < 0 ? first : std::clamp(room / a.stride + 1, first, std::max(first, a.places))};
}

/// Taps [k, k + taps) of a row of taps, and places [first, first + pixels) of y for which all of
/// them lie in x.
struct Piece {
  int64_t k, taps, first, pixels;
  SumOfProducts product = {};
};
/// Every tap with every place once. As many neighbouring taps go together as a stride has pixels:
/// the rows of x for a product must not overlap.
std::vector<Piece> pieces_of(const ConvAxis& a) {
  std::vector<Piece> pieces;
  const auto add = [&](int64_t k, int64_t taps, int64_t first, int64_t last) {
    for (; first < last; first += kPixels)
      pieces.push_back({k, taps, first, std::min(kPixels, last - first)});
  };
  const int64_t most = a.dilation == 1 ? a.stride : 1;
  for (int64_t k = 0; k < a.taps; k += most) {
    const int64_t taps = std::min(most, a.taps - k);
    const int64_t first = met(a, k).first, last = std::max(first, met(a, k + taps - 1).second);
    add(k, taps, first, last);
    for (int64_t t = k; t < k + taps; ++t) {
      const auto [begin, end] = met(a, t);
      add(t, 1, begin, std::min(end, first));
      add(t, 1, std::max(begin, last), end);
    }
  }
  return pieces;
}

/// Adds what rows [line, end) of y, counted over all images, give to `sums`.
void add_rows(const ConvProblem& p, const std::vector<Piece>& pieces, int64_t block, int64_t line,
              int64_t end, const float* x, const float* y, float* sums) {
  uint64_t from_x[kMostRows], from_y[kMostRows];  // bytes
  for (int64_t ky = 0; ky < p.h.taps; ++ky) {
    int64_t count = 0;
    for (int64_t l = line; l < end; ++l) {
      const int64_t iy = l % p.h.places * p.h.stride + ky * p.h.dilation - p.h.before;
      if (iy < 0 || iy >= p.h.size) continue;
      from_x[count] = static_cast<uint64_t>((l / p.h.places * p.h.size + iy) * p.w.size * p.cin) *
                      sizeof(float);
      from_y[count++] = static_cast<uint64_t>(l * p.w.places * p.cout) * sizeof(float);
    }
    if (count == 0) continue;
    for (const Piece& piece : pieces) {
      const float* at =
          x + (piece.first * p.w.stride + piece.k * p.w.dilation - p.w.before) * p.cin;
      float* to = sums + (ky * p.w.taps + piece.k) * p.cin * p.cout;
      for (int64_t c = 0; c < p.cout; c += block)
        piece.product(to + c, at, y + piece.first * p.cout + c, count, from_x, from_y);
    }
  }
}

}  // namespace

Offer conv_by_taps(const ConvProblem& p) {
  if (p.pass != ConvPass::by_weights) return {{}, "gradients of weights only"};
  if (p.n < 1 || p.groups != 1 || std::min(p.cin, p.cout) < kLeastChannels)
    return {{}, "one group of at least 8 channels on both sides only"};
  const int64_t block = p.cout % kBlock ? p.cout : kBlock;
  std::vector<Piece> pieces = pieces_of(p.w);
  for (Piece& piece : pieces) {
    piece.product = sum_of_products({.m = piece.taps * p.cin,
                                     .n = block,
                                     .k = piece.pixels,
                                     .a_row = p.w.stride * p.cin,
                                     .b_row = p.cout,
                                     .dst_row = p.cout});
    if (!piece.product) return {{}, "no product of its channels"};
  }
  const std::vector<ConvShare> shares = conv_shares(p);
  const auto parts = static_cast<int>(shares.size());
  const int64_t stride = aligned_floats(p.weights());
  Call call = conv_call("taps", p, shares);
  call.scratch_bytes = parts > 1 ? static_cast<size_t>(parts * stride) * sizeof(float) : 0;
  call.run = [=](int part, void* const* operands, std::byte* scratch, const RunState&) {
    const auto& [q, x, y] = shares[static_cast<size_t>(part)];
    float* sums = parts > 1 ? reinterpret_cast<float*>(scratch) + part * stride
                            : static_cast<float*>(operands[0]);
    std::fill_n(sums, q.weights(), 0.0f);
    // Of more weights, which each step reads and writes, more rows go together.
    const int64_t pixels = std::clamp<int64_t>(q.cin * q.cout / 64, 112, kMostRows),
                  step = std::max<int64_t>(1, pixels / q.w.places), lines = q.n * q.h.places;
    for (int64_t line = 0; line < lines; line += step)
      add_rows(q, pieces, block, line, std::min(line + step, lines),
               static_cast<const float*>(operands[1]) + x,
               static_cast<const float*>(operands[2]) + y, sums);
  };
  std::vector<Call> calls = {std::move(call)};
  if (parts > 1) calls.push_back(add_rows_call(0, parts, p.weights(), stride, true));
  return {std::move(calls), {}};
}

}  // namespace latent::kernels
