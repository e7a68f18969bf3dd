// By looking at every row: exact, and fast enough for codes. See neighbors.h.
#include "measure/neighbors.h"

#include <algorithm>
#include <cmath>

#include "latent/error.h"

namespace latent::measure {

namespace {

double distance(std::span<const float> a, std::span<const float> b, Metric metric) {
  double ab = 0, aa = 0, bb = 0, squares = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const auto x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    squares += (x - y) * (x - y);
    if (metric == Metric::euclidean) continue;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  if (metric == Metric::euclidean) return std::sqrt(squares);
  if (squares == 0 && aa > 0) return 0;  // what rounding would miss
  return aa > 0 && bb > 0 ? 1 - ab / std::sqrt(aa * bb) : 1;
}

}  // namespace

std::vector<Neighbor> nearest(std::span<const float> points, std::span<const float> query,
                              int64_t k, Metric metric, int64_t without) {
  const size_t width = query.size();
  if (width == 0 || points.size() % width != 0) {
    throw UsageError(std::to_string(points.size()) + " values are no rows of " +
                     std::to_string(width));
  }
  std::vector<Neighbor> all;
  for (size_t i = 0; i < points.size() / width; ++i) {
    const auto row = static_cast<int64_t>(i);
    if (row != without)
      all.push_back({row, distance(points.subspan(i * width, width), query, metric)});
  }
  const auto end = all.begin() + std::min<int64_t>(k, std::ssize(all));
  std::partial_sort(all.begin(), end, all.end(), [](const Neighbor& a, const Neighbor& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.row < b.row;
  });
  all.erase(end, all.end());
  return all;
}

}  // namespace latent::measure
