// How far apart two sets of rows lie, seen as two Gaussians: the Frechet distance, also called
// 2-Wasserstein (Dowson and Landau 1982), which Heusel et al. 2017 (arXiv 1706.08500) take over the
// features of a classifier to compare samples with data. Its value depends on the features and on
// the number of rows (the fewer, the larger): name both, and put the distance between two sets of
// real rows of the same sizes beside it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "measure/linear.h"

namespace latent::measure {

/// Mean and covariance (over n - 1) of rows.
struct NormalFit {
  std::vector<double> mean;
  Matrix covariance;
};
/// UsageError for fewer than two rows of `width` values.
NormalFit gaussian_of(std::span<const float> rows, int64_t width);

/// |m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)): the squared distance, as it is reported everywhere.
/// Exact for singular covariances too. UsageError when the widths differ.
double frechet_distance(const NormalFit& a, const NormalFit& b);

/// Draws [n, width] of the Gaussian; draw i of a seed is the same for any n.
std::vector<float> draws_of(const NormalFit& g, int64_t n, uint64_t seed);

}  // namespace latent::measure
