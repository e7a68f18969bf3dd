// Importance weights by their logarithms, taken one at a time: the log of their mean and how well
// it is known, for weights of any size.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace latent::measure {

/// Sums of w / e^shift and of its square, shift being the largest log weight so far: nothing
/// overflows, and the result depends on the order of the weights in its last bits only, not on how
/// they are cut into pieces.
class LogWeights {
 public:
  void add(double log_weight) {
    ++count_;
    if (log_weight == -INFINITY) return;  // a weight of 0
    if (log_weight > shift_) {
      const double f = std::exp(shift_ - log_weight);  // 0 at first
      sum_ *= f;
      squares_ *= f * f;
      shift_ = log_weight;
    }
    const double w = std::exp(log_weight - shift_);
    sum_ += w;
    squares_ += w * w;
  }

  double log_mean() const { return shift_ + std::log(sum_ / static_cast<double>(count_)); }
  /// Variance of the mean over the square of the mean; 0 for fewer than two weights.
  double relative_variance() const {
    if (count_ < 2) return 0;
    const auto n = static_cast<double>(count_);
    return std::max(0.0, (n * squares_ / (sum_ * sum_) - 1) / (n - 1));
  }

 private:
  int64_t count_ = 0;
  double shift_ = -INFINITY, sum_ = 0, squares_ = 0;
};

}  // namespace latent::measure
