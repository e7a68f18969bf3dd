// Choice among the candidates of a convolution, and the last of them: plain loops; see conv.h.
#include "kernels/conv.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/conv_offer.h"
#include "kernels/reduce.h"

namespace latent::kernels {

namespace {

constexpr double kShare = 1.5e6;             // flop of a part, at least
constexpr int64_t kLeastRows = 3;            // of a result that a part computes
constexpr int64_t kPartialBytes = 16 << 20;  // of all partial weight gradients; 4 may exceed it

/// One image, or for gradients of weights one more added to them. `out` of a picture is zeroed.
void loop_image(const ConvProblem& p, float* x, float* weights, float* y) {
  const int64_t in = p.cin / p.groups, out = p.cout / p.groups;
  if (p.pass == ConvPass::forward) std::fill_n(y, p.y_image(), 0.0f);
  if (p.pass == ConvPass::by_data) std::fill_n(x, p.x_image(), 0.0f);
  for (int64_t oy = 0; oy < p.h.places; ++oy) {
    for (int64_t ox = 0; ox < p.w.places; ++ox) {
      float* result = y + (oy * p.w.places + ox) * p.cout;
      for (int64_t ky = 0; ky < p.h.taps; ++ky) {
        const int64_t iy = oy * p.h.stride + ky * p.h.dilation - p.h.before;
        if (iy < 0 || iy >= p.h.size) continue;
        for (int64_t kx = 0; kx < p.w.taps; ++kx) {
          const int64_t ix = ox * p.w.stride + kx * p.w.dilation - p.w.before;
          if (ix < 0 || ix >= p.w.size) continue;
          float* picture = x + (iy * p.w.size + ix) * p.cin;
          float* tap = weights + (ky * p.w.taps + kx) * in * p.cout;
          for (int64_t g = 0; g < p.groups; ++g) {
            for (int64_t i = 0; i < in; ++i) {
              float& v = picture[g * in + i];
              float *w = tap + i * p.cout + g * out, *r = result + g * out;
              for (int64_t o = 0; o < out; ++o) {
                if (p.pass == ConvPass::forward)
                  r[o] += v * w[o];
                else if (p.pass == ConvPass::by_data)
                  v += r[o] * w[o];
                else
                  w[o] += v * r[o];
              }
            }
          }
        }
      }
    }
  }
}

Offer by_loop(const ConvProblem& p) {
  const bool weights = p.pass == ConvPass::by_weights;
  std::vector<ConvShare> shares = {{p, 0, 0}};
  if (!weights) shares = conv_shares(p);
  Call call = conv_call("loop", p, shares);
  call.run = [weights, shares](int part, void* const* operands, std::byte*, const RunState&) {
    const auto& [q, to_x, to_y] = shares[static_cast<size_t>(part)];
    const ConvOperands at = operands_of(q.pass);
    auto *x = static_cast<float*>(operands[at.x]) + to_x,
         *y = static_cast<float*>(operands[at.y]) + to_y,
         *w = static_cast<float*>(operands[at.weights]);
    if (weights) std::fill_n(w, q.weights(), 0.0f);
    for (int64_t n = 0; n < q.n; ++n) loop_image(q, x + n * q.x_image(), w, y + n * q.y_image());
  };
  return {{std::move(call)}, {}};
}

/// Rows [begin, end) of an image's results, or by weights of its y. Of the other picture it has the
/// rows that meet them.
ConvShare rows_of(const ConvProblem& p, int64_t image, int64_t begin, int64_t end) {
  const ConvAxis& a = p.h;
  ConvShare s{p, 0, 0};
  s.problem.n = 1;
  ConvAxis& h = s.problem.h;
  int64_t x = begin, y = begin;
  if (p.pass == ConvPass::by_data) {
    y = (std::max<int64_t>(0, begin + a.before - a.span() + 1) + a.stride - 1) / a.stride;
    h.size = end - begin;
    h.places = std::min(a.places, (end - 1 + a.before) / a.stride + 1) - y;
  } else {
    x = std::max<int64_t>(0, begin * a.stride - a.before);
    h.size = std::min(a.size, (end - 1) * a.stride - a.before + a.span()) - x;
    h.places = end - begin;
  }
  h.before = a.before + x - y * a.stride;
  h.after = std::max<int64_t>(0, (h.places - 1) * h.stride + h.span() - h.size - h.before);
  s.x = image * p.x_image() + x * p.w.size * p.cin;
  s.y = image * p.y_image() + y * p.w.places * p.cout;
  return s;
}

/// Call::pieces of a call whose parts are these shares: both pictures, where each has as many
/// images, or the results, where each has as many rows.
uint64_t pieces_of(const ConvProblem& p, const std::vector<ConvShare>& shares) {
  const auto parts = static_cast<int64_t>(shares.size());
  const auto rows = [&](const ConvProblem& q) {
    return q.n * (p.pass == ConvPass::by_data ? q.h.size : q.h.places);
  };
  bool images = true, equal = true;
  for (const ConvShare& s : shares) {
    images = images && s.problem.n * parts == p.n;
    equal = equal && rows(s.problem) * parts == rows(p);
  }
  if (images) return p.pass == ConvPass::by_weights ? 0b110 : 0b011;
  return equal && p.pass != ConvPass::by_weights ? 0b001 : 0;  // shares of one input overlap
}

constexpr Candidate<ConvProblem> kCandidates[] = {{"few", conv_by_few},
                                                  {"winograd", conv_by_winograd},
                                                  {"taps", conv_by_taps},
                                                  {"onednn", conv_by_onednn},
                                                  {"loop", by_loop}};

}  // namespace

std::string ConvProblem::text() const {
  const auto both = [](int64_t a, int64_t b) {
    return std::to_string(a) + "x" + std::to_string(b);
  };
  std::string s = pass == ConvPass::forward   ? ""
                  : pass == ConvPass::by_data ? "by data "
                                              : "by weights ";
  s += std::to_string(n) + "x" + both(h.size, w.size) + "x" + std::to_string(cin) + " -> " +
       both(h.places, w.places) + "x" + std::to_string(cout) + ", " + both(h.taps, w.taps);
  if (h.stride > 1 || w.stride > 1) s += " stride " + both(h.stride, w.stride);
  if (h.dilation > 1 || w.dilation > 1) s += " dilation " + both(h.dilation, w.dilation);
  if (groups > 1) s += " groups " + std::to_string(groups);
  return s;
}

std::vector<ConvShare> conv_shares(const ConvProblem& p, bool whole_images) {
  // Powers of two, which divide most batches: equal pieces go on through what follows
  // (Call::pieces), and where sixteen do, a small convolution has as many as the large ones beside
  // it. Gradients of weights are sums, which more parts make more exact too.
  const double share = p.pass == ConvPass::by_weights || p.n % 16 == 0 ? kShare / 6 : kShare;
  // A result of few terms costs as much as one of 64.
  const double work = p.pass == ConvPass::forward
                          ? std::max(p.flops(), 128.0 * static_cast<double>(p.n * p.y_image()))
                          : p.flops();
  const auto fitting = static_cast<uint64_t>(std::clamp(work / share, 1.0, 16.0));
  auto most = static_cast<int64_t>(std::bit_floor(fitting));
  while (p.pass == ConvPass::by_weights && most > 4 && most * p.weights() * 4 > kPartialBytes)
    most /= 2;
  const int64_t rows = p.pass == ConvPass::by_data ? p.h.size : p.h.places,
                cuts = std::min(most / std::max<int64_t>(p.n, 1), rows / kLeastRows);
  std::vector<ConvShare> shares;
  for (int64_t k = 0; !whole_images && cuts > 1 && k < p.n * cuts; ++k) {
    shares.push_back(rows_of(p, k / cuts, rows * (k % cuts) / cuts, rows * (k % cuts + 1) / cuts));
    const ConvAxis& h = shares.back().problem.h;
    if (h.size < 1 || h.places < 1 || h.before < 0) return conv_shares(p, true);
  }
  if (!shares.empty()) return shares;
  const int64_t parts = std::clamp<int64_t>(p.n, 1, most);
  for (int64_t k = 0; k < parts; ++k) {
    const int64_t first = p.n * k / parts;
    ConvShare s{p, first * p.x_image(), first * p.y_image()};
    s.problem.n = p.n * (k + 1) / parts - first;
    shares.push_back(s);
  }
  return shares;
}

Call conv_call(const std::string& name, const ConvProblem& p,
               const std::vector<ConvShare>& shares) {
  Call call;
  call.kernel = name + " " + p.text();
  call.parts = static_cast<int>(shares.size());
  call.pieces = pieces_of(p, shares);
  call.flops = p.flops();
  return call;
}

Call add_rows_call(size_t offset, int terms, int64_t size, int64_t stride, bool to_result) {
  Call call;
  call.kernel = "sum of " + std::to_string(terms) + " parts";
  call.parts = static_cast<int>(std::clamp<int64_t>(size / 16384, 1, 8));
  call.run = [=, parts = call.parts](int part, void* const* operands, std::byte* scratch,
                                     const RunState&) {
    auto* rows = reinterpret_cast<float*>(scratch + offset);
    const int64_t begin = size * part / parts, count = size * (part + 1) / parts - begin;
    for (int step = 1; step < terms; step *= 2) {
      for (int i = 0; i + step < terms; i += 2 * step)
        add_into(rows + i * stride + begin, rows + (i + step) * stride + begin,
                 static_cast<size_t>(count));
    }
    if (to_result) {
      std::memcpy(static_cast<float*>(operands[0]) + begin, rows + begin,
                  static_cast<size_t>(count) * sizeof(float));
    }
  };
  return call;
}

std::vector<Call> bind_conv(const ConvProblem& problem, std::string_view only) {
  return take_first(kCandidates, problem, only);
}

}  // namespace latent::kernels
