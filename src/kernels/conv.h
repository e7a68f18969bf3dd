// Convolutions on channels-last pictures: forward, by data (its adjoint to the picture) and by
// weights (its adjoint to the weights). A convolution is bound once for its shape: an ordered list
// of candidates is walked and the first that accepts gives its calls. Work is cut into
// parts (images, rows or tiles of them) whose number depends on the shape alone, so the bits do not
// depend on the threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/call.h"

namespace latent::kernels {

enum class ConvPass : uint8_t { forward, by_data, by_weights };

/// One axis of a picture: y[o] reads x[o * stride + k * dilation - before] for each tap k.
struct ConvAxis {
  int64_t size, places, taps;  // extents of x, y and the weights
  int64_t stride = 1, before = 0, after = 0, dilation = 1;

  int64_t span() const { return dilation * (taps - 1) + 1; }
};

/// x [n, h.size, w.size, cin], weights [h.taps, w.taps, cin / groups, cout],
/// y [n, h.places, w.places, cout]; all float32.
struct ConvProblem {
  ConvPass pass = ConvPass::forward;
  int64_t n, cin, cout;
  ConvAxis h, w;
  int64_t groups = 1;

  int64_t weights() const { return h.taps * w.taps * (cin / groups) * cout; }
  int64_t x_image() const { return h.size * w.size * cin; }
  int64_t y_image() const { return h.places * w.places * cout; }
  double flops() const {
    return 2.0 * static_cast<double>(n * h.places * w.places) * static_cast<double>(weights());
  }
  std::string text() const;  // "16x28x28x32 -> 14x14x64, 3x3 stride 2"
};

/// Calls that run it one after another, by the first candidate that accepts or the one called
/// `only` (for tests; UsageError when it refuses). Operands: forward {y, x, weights}, by data {x,
/// y, weights}, by weights {weights, x, y}; the first is written.
std::vector<Call> bind_conv(const ConvProblem& problem, std::string_view only = {});

}  // namespace latent::kernels
