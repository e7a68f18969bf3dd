// Copies that change the order of elements: transposition of matrices, rows laid side by side, and
// the general strided copy behind permute, slice and broadcast.
#pragma once

#include <cstddef>
#include <cstdint>

namespace latent::kernels {

/// dst[c * rows + r] = src[r * cols + c]. The two must not overlap.
void transpose(const float* src, float* dst, int64_t rows, int64_t cols);

/// Rows of `bytes` bytes each, `src_step` bytes apart, to rows `dst_step` bytes apart. They must
/// not overlap. Short rows are copied without a call each.
void copy_rows(void* dst, size_t dst_step, const void* src, size_t src_step, int64_t rows,
               size_t bytes);

inline constexpr int kMaxCopyRank = 12;

/// dst[sum i_k dst_strides[k]] = src[sum i_k src_strides[k]] for every index i below the extents.
/// Strides count elements and may be negative; 0 in src repeats an element. Rank 0 copies one
/// element; rank <= kMaxCopyRank; elements have 1, 2, 4 or 8 bytes. The elements read and those
/// written must not overlap.
void strided_copy(void* dst, const void* src, size_t element_size, int rank, const int64_t* extents,
                  const int64_t* dst_strides, const int64_t* src_strides);

}  // namespace latent::kernels
