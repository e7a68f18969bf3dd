// The candidates of a convolution (conv.h), one file each: conv_few.cc, conv_winograd.cc,
// conv_taps.cc, conv_onednn.cc, and the plain loop of conv.cc.
#pragma once

#include <string>
#include <vector>

#include "base/memory.h"
#include "kernels/conv.h"
#include "kernels/offer.h"

namespace latent::kernels {

/// Convolutions between many channels and 1 to 4, with stride 1: a kernel of ours.
Offer conv_by_few(const ConvProblem& problem);
/// 3x3 of stride 1 between many channels: Winograd's.
Offer conv_by_winograd(const ConvProblem& problem);
/// Between many channels: products by LIBXSMM, tap by tap.
Offer conv_by_taps(const ConvProblem& problem);
Offer conv_by_onednn(const ConvProblem& problem);

/// What a part computes, a convolution of its own: some images, or rows of one image.
struct ConvShare {
  ConvProblem problem;
  int64_t x, y;  // floats before its x and y
};
/// The shares of the parts, a function of the shape alone: images, and where these are fewer than
/// half the parts, rows of their results (by weights, of y). Not rows when `whole_images`.
std::vector<ConvShare> conv_shares(const ConvProblem& problem, bool whole_images = false);
/// The call of a candidate, so far as its parts, which are these shares, tell.
Call conv_call(const std::string& name, const ConvProblem& problem,
               const std::vector<ConvShare>& shares);

/// The operands of x, y and the weights; see bind_conv.
struct ConvOperands {
  size_t x, y, weights;
};
inline ConvOperands operands_of(ConvPass pass) {
  return pass == ConvPass::forward   ? ConvOperands{1, 0, 2}
         : pass == ConvPass::by_data ? ConvOperands{0, 1, 2}
                                     : ConvOperands{1, 2, 0};
}

/// So many floats rounded up to whole cache lines: what a part has of scratch memory is its own.
inline int64_t aligned_floats(int64_t n) {
  return static_cast<int64_t>(aligned_size(static_cast<size_t>(n) * sizeof(float)) / sizeof(float));
}

/// The call that adds `terms` rows of `size` floats at `offset` of the scratch memory in a fixed
/// tree, neighbours first, and leaves the sum in the first row; with `to_result` also in operand 0.
/// The rows stand `stride` floats apart.
Call add_rows_call(size_t offset, int terms, int64_t size, int64_t stride, bool to_result);

}  // namespace latent::kernels
