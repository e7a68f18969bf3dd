// Max pooling on channels-last pictures, by the place of the largest element of each window: its
// value, or a value put there. The place is found again rather than kept.
#pragma once

#include <cstdint>

#include "kernels/call.h"
#include "kernels/conv.h"

namespace latent::kernels {

/// Windows of h.taps x w.taps over x [n, h.size, w.size, channels] give y [n, h.places, w.places,
/// channels]. Each window holds at least one element of x; padding never wins.
struct PoolProblem {
  int64_t n, channels;
  ConvAxis h, w;

  int64_t x_image() const { return h.size * w.size * channels; }
  int64_t y_image() const { return h.places * w.places * channels; }
};

/// y = the entry of `values` (as x) where x is largest in the window, the first of equals; a NaN is
/// larger than all. Operands {y, x, values}.
Call bind_pool_pick(const PoolProblem& problem);
/// dx = zeros, plus each window's y at that place, window after window. Operands {dx, x, y}.
Call bind_pool_place(const PoolProblem& problem);

}  // namespace latent::kernels
