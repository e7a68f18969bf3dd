// Sums and maxima in one fixed order, whoever asks. The order is part of the result: a row sum adds
// element i of a block of kSumBlock elements into lane i % 16, folds the 16 lanes by halves (8+8,
// 4+4, 2+2, 1+1), and adds the blocks of a row one after another. It does not depend on the vector
// width, the alignment or the cut into parts.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/call.h"

namespace latent::kernels {

inline constexpr size_t kLanes = 16;
inline constexpr size_t kSumBlock =
    8192;  // elements of a row summed before the lanes are folded; a multiple of kLanes

/// lanes[i % 16] += x[i]. Calls may follow each other as long as every n but the last is a multiple
/// of 16.
void accumulate_lanes(float* lanes, const float* x, size_t n);
/// The 16 lanes folded by halves.
float fold_lanes(const float* lanes);
/// max over x of the running maximum and x; NaN propagates.
float max_of(float running, const float* x, size_t n);
/// acc[i] += x[i].
void add_into(float* acc, const float* x, size_t n);

/// Sum or maximum over the middle axis of [outer, mid, inner].
Call bind_middle_reduction(bool maximum, int64_t outer, int64_t mid, int64_t inner);

}  // namespace latent::kernels
