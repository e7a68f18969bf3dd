// Pictures changed a little each time that they are trained on: mirrored, shifted, cut. What
// becomes of a row is a pure function of (seed, epoch, row), so that a resumed run goes on as the
// first would have.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "latent/tensor.h"

namespace latent {

class Augment {
 public:
  /// `how`: flip and flip-vertical, each with probability 1/2; shift=N, by up to N pixels along
  /// both axes, the border repeated; crop=F, a part of at least F of both sides brought back to the
  /// whole size. UsageError for other words, and where rows are no pictures [h, w] or [h, w, c].
  Augment(const std::vector<std::string>& how, const Shape& row, uint64_t seed);

  bool none() const { return !flip_ && !flip_vertical_ && shift_ == 0 && crop_ == 1; }
  /// Changes the rows of `values` [rows, row], those with these ids, in place.
  void apply(std::span<float> values, int64_t epoch, std::span<const int32_t> rows);

 private:
  void shift(std::span<float> row, int64_t down, int64_t right);
  void zoom(std::span<float> row, double top, double left, double part);

  int64_t height_ = 1, width_ = 1, channels_ = 1;
  uint64_t seed_;
  bool flip_ = false, flip_vertical_ = false;
  int64_t shift_ = 0;
  double crop_ = 1;
  std::vector<float> old_;  // one row
};

}  // namespace latent
