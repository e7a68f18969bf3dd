// Rows that lie nearest to others, by their codes or by anything else that is a vector.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace latent::measure {

enum class Metric : uint8_t {
  euclidean,
  cosine  // 1 - the cosine of the angle, 1 where a vector is zero
};

struct Neighbor {
  int64_t row = 0;
  double distance = 0;
};

/// The min(k, rows) rows of `points` [rows, width] nearest to `query` [width], nearest first; ties
/// by row. Row `without` is left out (-1: none).
std::vector<Neighbor> nearest(std::span<const float> points, std::span<const float> query,
                              int64_t k, Metric metric = Metric::euclidean, int64_t without = -1);

}  // namespace latent::measure
