// Choice among the candidates of a convolution, and the last of them: plain loops; see conv.h.
#include "kernels/conv.h"

#include <algorithm>
#include <cstring>

#include "kernels/conv_offer.h"
#include "kernels/reduce.h"
#include "latent/error.h"

namespace latent::kernels {

namespace {

constexpr double kLarge = 4e6;  // flop; from here the batch is cut
constexpr int64_t kMostParts = 8;
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

ConvOffer by_loop(const ConvProblem& p) {
  Call call;
  call.kernel = "loop " + p.text();
  call.flops = p.flops();
  call.parts = p.pass == ConvPass::by_weights ? 1 : conv_parts(p);
  call.run = [p, parts = call.parts](int part, void* const* operands, std::byte*, const RunState&) {
    float* f[3];
    for (int i = 0; i < 3; ++i) f[i] = static_cast<float*>(operands[i]);
    const bool weights = p.pass == ConvPass::by_weights;
    float* x = f[p.pass == ConvPass::by_data ? 0 : 1];
    float* w = f[weights ? 0 : 2];
    float* y = f[p.pass == ConvPass::forward ? 0 : p.pass == ConvPass::by_data ? 1 : 2];
    if (weights) std::fill_n(w, p.weights(), 0.0f);
    const ImageRange range = images_of(p, part, parts);
    for (int64_t n = range.first; n < range.last; ++n)
      loop_image(p, x + n * p.x_image(), w, y + n * p.y_image());
  };
  return {{std::move(call)}, {}};
}

struct Candidate {
  const char* name;
  ConvOffer (*offer)(const ConvProblem&);
};
constexpr Candidate kCandidates[] = {
    {"few", conv_by_few}, {"onednn", conv_by_onednn}, {"loop", by_loop}};

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

int conv_parts(const ConvProblem& p) {
  if (p.flops() < kLarge) return 1;
  int64_t most = kMostParts;
  if (p.pass == ConvPass::by_weights && most * p.weights() * 4 > kPartialBytes) most = 4;
  return static_cast<int>(std::clamp<int64_t>(p.n, 1, most));
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

std::vector<std::string> conv_candidates() {
  std::vector<std::string> names;
  for (const Candidate& c : kCandidates) names.emplace_back(c.name);
  return names;
}

std::vector<Call> bind_conv(const ConvProblem& problem) {
  std::vector<std::string> refused;
  for (const Candidate& c : kCandidates) {
    ConvOffer offer = c.offer(problem);
    if (!offer.calls.empty()) {
      for (Call& call : offer.calls) {  // told where the work is, not at the packing before it
        if (call.flops > 0) call.refused = refused;
      }
      return std::move(offer.calls);
    }
    refused.push_back(std::string(c.name) + ": " + offer.reason);
  }
  throw InternalError("no candidate for a convolution");
}

std::vector<Call> bind_conv_with(const ConvProblem& problem, const std::string& only) {
  for (const Candidate& c : kCandidates) {
    if (only != c.name) continue;
    ConvOffer offer = c.offer(problem);
    if (offer.calls.empty()) throw UsageError(offer.reason);
    return std::move(offer.calls);
  }
  throw UsageError("no candidate of convolutions is called " + only);
}

}  // namespace latent::kernels
