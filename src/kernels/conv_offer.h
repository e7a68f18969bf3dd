// The candidates of a convolution (conv.h), one file each: conv_few.cc, conv_winograd.cc,
// conv_onednn.cc, and the plain loop of conv.cc.
#pragma once

#include <string>
#include <vector>

#include "base/memory.h"
#include "kernels/conv.h"

namespace latent::kernels {

/// Calls of a candidate that accepts, or the reason why not.
struct ConvOffer {
  std::vector<Call> calls;
  std::string reason;
};

/// Convolutions between many channels and 1 to 4, with stride 1: a kernel of ours.
ConvOffer conv_by_few(const ConvProblem& problem);
/// 3x3 of stride 1 between many channels: Winograd's.
ConvOffer conv_by_winograd(const ConvProblem& problem);
/// Between many channels: products by LIBXSMM, tap by tap.
ConvOffer conv_by_taps(const ConvProblem& problem);
ConvOffer conv_by_onednn(const ConvProblem& problem);

/// What a part computes, a convolution of its own: some images, or rows of one image.
struct ConvShare {
  ConvProblem problem;
  int64_t x, y;  // floats before its x and y
};
/// The shares of the parts, a function of the shape alone: images, and where these are fewer than
/// half the parts, rows of their results (by weights, of y). Not rows when `whole_images`.
std::vector<ConvShare> conv_shares(const ConvProblem& problem, bool whole_images = false);
/// Call::pieces of a call whose parts are these shares: both pictures, where each has as many
/// images, or the results, where each has as many rows.
uint64_t conv_pieces(const ConvProblem& problem, const std::vector<ConvShare>& shares);

/// So many floats rounded up to whole cache lines: what a part has of scratch memory is its own.
inline int64_t aligned_floats(int64_t n) {
  return static_cast<int64_t>(aligned_size(static_cast<size_t>(n) * sizeof(float)) / sizeof(float));
}

/// The call that adds `terms` rows of `size` floats at `offset` of the scratch memory in a fixed
/// tree, neighbours first, and leaves the sum in the first row; with `to_result` also in operand 0.
/// The rows stand `stride` floats apart.
Call add_rows_call(size_t offset, int terms, int64_t size, int64_t stride, bool to_result);

}  // namespace latent::kernels
