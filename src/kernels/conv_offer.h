// The candidates of a convolution (conv.h), one file each: conv_few.cc, conv_onednn.cc, and the
// plain loop of conv.cc.
#pragma once

#include <string>
#include <vector>

#include "kernels/conv.h"

namespace latent::kernels {

/// Calls of a candidate that accepts, or the reason why not.
struct ConvOffer {
  std::vector<Call> calls;
  std::string reason;
};

/// Convolutions between many channels and 1 to 4, with stride 1: a kernel of ours.
ConvOffer conv_by_few(const ConvProblem& problem);
ConvOffer conv_by_onednn(const ConvProblem& problem);

/// Into how many parts the batch is cut: a function of the shape alone.
int conv_parts(const ConvProblem& problem);
/// Images [first, last) of a part.
struct ImageRange {
  int64_t first, last;
};
inline ImageRange images_of(const ConvProblem& p, int part, int parts) {
  return {p.n * part / parts, p.n * (part + 1) / parts};
}

/// The call that adds `terms` rows of `size` floats at `offset` of the scratch memory in a fixed
/// tree, neighbours first, and leaves the sum in the first row; with `to_result` also in operand 0.
/// The rows stand `stride` floats apart.
Call add_rows_call(size_t offset, int terms, int64_t size, int64_t stride, bool to_result);

}  // namespace latent::kernels
