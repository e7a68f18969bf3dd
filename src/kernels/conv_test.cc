// Every candidate of a convolution against sums in double, in all three directions; what each
// accepts; and that the order of the parts does not matter.
#include "kernels/conv.h"

#include <gtest/gtest.h>

#include <random>

#include "base/memory.h"
#include "kernels/product.h"
#include "kernels/test_targets.h"
#include "latent/error.h"

namespace latent::kernels {
namespace {

ConvProblem layer(int64_t n, int64_t size, int64_t cin, int64_t cout, int64_t taps, int64_t stride,
                  int64_t before, int64_t after, int64_t dilation = 1, int64_t groups = 1) {
  ConvAxis axis{size, 0, taps, stride, before, after, dilation};
  axis.places = (size + before + after - axis.span()) / stride + 1;
  return {ConvPass::forward, n, cin, cout, axis, axis, groups};
}

std::vector<float> draw(int64_t n, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = std::uniform_real_distribution<float>(-1, 1)(random);
  return v;
}

/// x, weights and y of a problem; the one that the pass writes is zero.
struct Operands {
  std::vector<float> x, weights, y;
  explicit Operands(const ConvProblem& p)
      : x(draw(p.n * p.x_image(), 1)),
        weights(draw(p.weights(), 2)),
        y(draw(p.n * p.y_image(), 3)) {
    std::fill(result(p).begin(), result(p).end(), 0.0f);
  }
  std::vector<float>& result(const ConvProblem& p) {
    return p.pass == ConvPass::forward ? y : p.pass == ConvPass::by_data ? x : weights;
  }
  std::vector<void*> pointers(const ConvProblem& p) {
    if (p.pass == ConvPass::forward) return {y.data(), x.data(), weights.data()};
    if (p.pass == ConvPass::by_data) return {x.data(), y.data(), weights.data()};
    return {weights.data(), x.data(), y.data()};
  }
};

std::vector<double> expected(const ConvProblem& p) {
  Operands o(p);
  std::vector<double> sum(o.result(p).size());
  const int64_t in = p.cin / p.groups, out = p.cout / p.groups;
  for (int64_t n = 0; n < p.n; ++n)
    for (int64_t oy = 0; oy < p.h.places; ++oy)
      for (int64_t ox = 0; ox < p.w.places; ++ox)
        for (int64_t ky = 0; ky < p.h.taps; ++ky)
          for (int64_t kx = 0; kx < p.w.taps; ++kx) {
            const int64_t iy = oy * p.h.stride + ky * p.h.dilation - p.h.before,
                          ix = ox * p.w.stride + kx * p.w.dilation - p.w.before;
            if (iy < 0 || ix < 0 || iy >= p.h.size || ix >= p.w.size) continue;
            for (int64_t i = 0; i < in; ++i)
              for (int64_t c = 0; c < p.cout; ++c) {
                const auto x = static_cast<size_t>(((n * p.h.size + iy) * p.w.size + ix) * p.cin +
                                                   c / out * in + i),
                           w = static_cast<size_t>(((ky * p.w.taps + kx) * in + i) * p.cout + c),
                           y = static_cast<size_t>(
                               ((n * p.h.places + oy) * p.w.places + ox) * p.cout + c);
                const double a = static_cast<double>(o.x[x]), b = static_cast<double>(o.weights[w]),
                             d = static_cast<double>(o.y[y]);
                if (p.pass == ConvPass::forward)
                  sum[y] += a * b;
                else if (p.pass == ConvPass::by_data)
                  sum[x] += d * b;
                else
                  sum[w] += a * d;
              }
          }
  return sum;
}

/// Runs the calls, the parts of each from the last to the first when `backwards`.
std::vector<float> run(const ConvProblem& p, const std::vector<Call>& calls, bool backwards) {
  Operands o(p);
  std::vector<void*> pointers = o.pointers(p);
  const AlignedBytes packed = allocate_bytes(calls[0].packed_bytes);
  if (calls[0].packed_bytes) pointers.push_back(packed.get());
  size_t bytes = 0;
  for (const Call& c : calls) bytes = std::max(bytes, c.scratch_bytes);
  const AlignedBytes scratch = allocate_bytes(bytes);
  for (const Call& c : calls) {
    for (int k = 0; k < c.parts; ++k)
      c.run(backwards ? c.parts - 1 - k : k, pointers.data(), scratch.get(), {});
  }
  return o.result(p);
}

void agrees(const ConvProblem& p, const std::vector<Call>& calls, double noise = 1e-11) {
  const std::vector<double> truth = expected(p);
  const std::vector<float> y = run(p, calls, false);
  double error = 0, power = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    const double e = static_cast<double>(y[i]) - truth[i];
    error += e * e;
    power += truth[i] * truth[i];
  }
  EXPECT_LE(error, noise * power);
  EXPECT_EQ(y, run(p, calls, true));
}

constexpr ConvPass kPasses[] = {ConvPass::forward, ConvPass::by_data, ConvPass::by_weights};

TEST(Conv, EveryCandidateAgreesWithSumsInDouble) {
  pin_library_threads();
  for (ConvProblem p : {layer(9, 14, 32, 64, 3, 2, 0, 1), layer(5, 9, 7, 10, 4, 1, 2, 1),
                        layer(3, 12, 16, 16, 3, 1, 2, 2, 2), layer(4, 9, 24, 24, 3, 2, 1, 1, 1, 24),
                        layer(3, 8, 12, 18, 3, 1, 1, 1, 1, 6), layer(9, 12, 1, 32, 3, 2, 1, 1),
                        layer(4, 6, 64, 128, 1, 1, 0, 0), layer(1, 5, 3, 2, 2, 3, 1, 1, 2)}) {
    for (ConvPass pass : kPasses) {
      p.pass = pass;
      SCOPED_TRACE(p.text());
      for (const char* name : {"onednn", "loop"}) {
        SCOPED_TRACE(name);
        agrees(p, bind_conv(p, name));
      }
    }
  }
}

TEST(Conv, RowsOfOneImage) {
  pin_library_threads();
  for (ConvProblem p : {layer(1, 61, 16, 24, 3, 1, 1, 1), layer(2, 41, 16, 32, 3, 2, 0, 1),
                        layer(1, 60, 12, 16, 4, 2, 1, 1), layer(1, 90, 8, 16, 5, 3, 2, 2),
                        layer(3, 39, 16, 16, 3, 1, 2, 2, 2), layer(1, 100, 32, 16, 2, 3, 0, 0),
                        layer(1, 91, 16, 3, 3, 1, 1, 1), layer(2, 38, 32, 1, 5, 1, 0, 3)}) {
    for (ConvPass pass : kPasses) {
      p.pass = pass;
      SCOPED_TRACE(p.text());
      const std::vector<Call> calls = bind_conv(p, "onednn");
      agrees(p, calls);
      agrees(p, bind_conv(p), 1e-10);
      agrees(p, bind_conv(p, "loop"));
      if (p.h.taps < p.h.stride) continue;  // rows that nothing reaches: not cut
      int parts = 0;
      for (const Call& c : calls) parts = std::max(parts, c.flops > 0 ? c.parts : 0);
      // Of few channels oneDNN may have no kernel for some rows on some CPU; images are then whole.
      EXPECT_GE(parts, p.cout < 4 ? p.n : p.n + 1);
    }
  }
}

/// The convolution of stride 1 in which picture and result change places: its gather is by data.
ConvProblem mirrored(ConvProblem p) {
  std::swap(p.cin, p.cout);
  for (ConvAxis* a : {&p.h, &p.w}) {
    std::swap(a->size, a->places);
    a->before = a->span() - 1 - a->before;
    a->after = a->span() - 1 - a->after;
  }
  if (p.pass == ConvPass::forward) p.pass = ConvPass::by_data;
  return p;
}

TEST(Conv, FewChannelsOnEveryTarget) {
  for (ConvProblem p : {layer(2, 28, 32, 1, 3, 1, 1, 1), layer(3, 9, 16, 2, 5, 1, 2, 2),
                        layer(2, 17, 48, 3, 3, 1, 0, 0), layer(2, 6, 16, 4, 4, 1, 1, 2),
                        layer(2, 10, 16, 1, 3, 1, 2, 2, 2), layer(1, 2, 16, 1, 5, 1, 2, 2),
                        layer(64, 10, 16, 3, 3, 1, 1, 1)}) {
    for (ConvPass pass : {ConvPass::forward, ConvPass::by_weights}) {
      p.pass = pass;
      for (const ConvProblem& q : {p, mirrored(p)}) {
        SCOPED_TRACE(q.text());
        for_each_target([&] { agrees(q, bind_conv(q, "few")); });
      }
    }
  }
}

TEST(Conv, WinogradOnEveryTarget) {
  pin_library_threads();
  ConvProblem uneven = layer(3, 9, 20, 36, 3, 1, 1, 1);
  uneven.w = {14, 13, 3, 1, 0, 1};
  for (ConvProblem p : {layer(3, 16, 64, 32, 3, 1, 1, 1), layer(4, 8, 32, 48, 3, 1, 1, 1), uneven,
                        layer(6, 7, 17, 19, 3, 1, 2, 2), layer(2, 11, 31, 33, 3, 1, 0, 2),
                        layer(33, 4, 16, 16, 3, 1, 1, 1), layer(16, 4, 256, 24, 3, 1, 1, 1)}) {
    for (ConvPass pass : kPasses) {
      p.pass = pass;
      SCOPED_TRACE(p.text());
      for_each_target([&] { agrees(p, bind_conv(p, "winograd"), 1e-10); });
    }
  }
}

TEST(Conv, GradientsOfWeightsByTaps) {
  pin_library_threads();
  ConvProblem sound = layer(3, 9, 24, 40, 8, 4, 2, 2);  // a row longer than a product takes at once
  sound.h = {1, 1, 1};
  sound.w.size = 2054;
  sound.w.places = (2054 + 4 - 8) / 4 + 1;
  for (ConvProblem p : {layer(9, 14, 32, 64, 3, 2, 0, 1), layer(5, 9, 8, 130, 4, 1, 2, 1),
                        layer(3, 12, 16, 16, 3, 1, 2, 2, 2), layer(1, 37, 17, 24, 3, 1, 1, 1),
                        layer(2, 41, 16, 192, 5, 3, 0, 1), layer(1, 2, 16, 8, 5, 1, 2, 2),
                        layer(4, 6, 64, 128, 1, 1, 0, 0), layer(1, 100, 32, 16, 2, 3, 0, 0),
                        layer(2, 3, 8, 8, 2, 2, 5, 5), sound}) {
    p.pass = ConvPass::by_weights;
    SCOPED_TRACE(p.text());
    agrees(p, bind_conv(p, "taps"));
  }
  ConvProblem p = layer(3, 8, 12, 18, 3, 1, 1, 1, 1, 6);
  EXPECT_THROW(bind_conv(p, "taps"), UsageError);
  p.pass = ConvPass::by_weights;
  EXPECT_THROW(bind_conv(p, "taps"), UsageError);
}

TEST(Conv, TheFirstThatAcceptsIsTaken) {
  ConvProblem p = layer(16, 28, 32, 1, 3, 1, 1, 1);
  EXPECT_TRUE(bind_conv(p)[0].kernel.starts_with("few channels 16x28x28x32 -> 28x28x1, 3x3"))
      << bind_conv(p)[0].kernel;
  p = layer(16, 28, 32, 1, 3, 2, 1, 1);
  const std::vector<Call> calls = bind_conv(p);
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0].kernel, "pack weights");
  ASSERT_EQ(calls[1].refused.size(), 3u);
  EXPECT_EQ(calls[1].refused[0], "few: stride 1 only");
  EXPECT_EQ(calls[1].refused[1], "winograd: 3x3 of stride 1 with padding up to 2 only");
  EXPECT_THROW(bind_conv(p, "few"), UsageError);
  EXPECT_THROW(bind_conv(p, "winograd"), UsageError);
  for (const ConvProblem& small :
       {layer(3, 8, 64, 64, 3, 1, 1, 1), layer(32, 5, 64, 64, 3, 1, 1, 1),
        layer(32, 8, 64, 8, 3, 1, 1, 1)})
    EXPECT_THROW(bind_conv(small, "winograd"), UsageError) << small.text();
}

TEST(Conv, PartsFollowFromTheShapeAlone) {
  const auto parts = [](const ConvProblem& p) {
    for (const Call& c : bind_conv(p, "onednn")) {
      if (c.flops > 0) return c.parts;
    }
    return 0;
  };
  EXPECT_EQ(parts(layer(1, 5, 3, 2, 2, 1, 0, 0)), 1);
  EXPECT_EQ(parts(layer(1, 28, 1, 32, 3, 1, 1, 1)), 2);  // of few terms, but many
  EXPECT_EQ(parts(layer(9, 32, 64, 64, 3, 1, 1, 1)), 9);
  EXPECT_EQ(parts(layer(3, 32, 64, 64, 3, 1, 1, 1)), 15);  // rows of its images
  EXPECT_EQ(parts(layer(1, 256, 16, 32, 4, 2, 1, 1)), 16);
  EXPECT_EQ(parts(layer(128, 14, 32, 64, 3, 2, 0, 1)), 16);
  ConvProblem wide = layer(8, 8, 256, 256, 4, 2, 1, 1);  // 8 partial gradients would be 32 MiB
  wide.pass = ConvPass::by_weights;
  EXPECT_EQ(parts(wide), 4);
}

}  // namespace
}  // namespace latent::kernels
