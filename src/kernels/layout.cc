// Transposition and strided copies (see layout.h). The transposition is compiled once per
// instruction set; the strided copy merges the axes it can and hands runs to memcpy and two-axis
// swaps of 4-byte elements to the transposition.
#include "kernels/layout.h"

#include <cstring>
#include <string>

#include "latent/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/layout.cc"
#include "hwy/foreach_target.h"
// foreach_target must come before this.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace latent::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// dst[c * dst_stride + r] = src[r * src_stride + c] for rows [first_row, rows) and columns
/// [first_col, cols).
HWY_INLINE void transpose_scalar(const float* src, int64_t src_stride, float* dst,
                                 int64_t dst_stride, int64_t first_row, int64_t rows,
                                 int64_t first_col, int64_t cols) {
  for (int64_t r = first_row; r < rows; ++r) {
    for (int64_t c = first_col; c < cols; ++c) dst[c * dst_stride + r] = src[r * src_stride + c];
  }
}

#if HWY_TARGET != HWY_SCALAR
template <size_t kRows>
using Column = hn::Vec<hn::FixedTag<float, kRows>>;

/// Four floats of each of the rows 0, 4, 8, ... below kRows, one row in each 128-bit block.
template <size_t kRows>
HWY_INLINE Column<kRows> load_quarters(const float* src, int64_t stride) {
  const hn::FixedTag<float, kRows> d;
  if constexpr (kRows == 4) {
    return hn::LoadU(d, src);
  } else {
    const float* upper = src + static_cast<int64_t>(kRows / 2) * stride;
    return hn::Combine(d, load_quarters<kRows / 2>(upper, stride),
                       load_quarters<kRows / 2>(src, stride));
  }
}

/// kRows rows of 4 columns: vector j holds the rows j, j + 4, ...; 4 x 4 transpositions inside the
/// 128-bit blocks then leave whole columns.
template <size_t kRows>
HWY_INLINE void transpose_strip(const float* src, int64_t src_stride, float* dst,
                                int64_t dst_stride, int64_t cols) {
  const hn::FixedTag<float, kRows> d;
  int64_t c = 0;
  for (; c + 4 <= cols; c += 4) {
    const auto v0 = load_quarters<kRows>(src + c, src_stride);
    const auto v1 = load_quarters<kRows>(src + c + src_stride, src_stride);
    const auto v2 = load_quarters<kRows>(src + c + 2 * src_stride, src_stride);
    const auto v3 = load_quarters<kRows>(src + c + 3 * src_stride, src_stride);
    const auto even_low = hn::InterleaveLower(d, v0, v2);
    const auto odd_low = hn::InterleaveLower(d, v1, v3);
    const auto even_high = hn::InterleaveUpper(d, v0, v2);
    const auto odd_high = hn::InterleaveUpper(d, v1, v3);
    float* to = dst + c * dst_stride;
    hn::StoreU(hn::InterleaveLower(d, even_low, odd_low), d, to);
    hn::StoreU(hn::InterleaveUpper(d, even_low, odd_low), d, to + dst_stride);
    hn::StoreU(hn::InterleaveLower(d, even_high, odd_high), d, to + 2 * dst_stride);
    hn::StoreU(hn::InterleaveUpper(d, even_high, odd_high), d, to + 3 * dst_stride);
  }
  transpose_scalar(src, src_stride, dst, dst_stride, 0, kRows, c, cols);
}

/// Strips of kRows rows from `row` on, as many as there are; returns the first row left.
template <size_t kRows>
HWY_INLINE int64_t transpose_strips(const float* src, int64_t src_stride, float* dst,
                                    int64_t dst_stride, int64_t row, int64_t rows, int64_t cols) {
  if constexpr (kRows <= hn::MaxLanes(hn::ScalableTag<float>())) {
    constexpr int64_t kStep = kRows;
    for (; row + kStep <= rows; row += kStep) {
      transpose_strip<kRows>(src + row * src_stride, src_stride, dst + row, dst_stride, cols);
    }
  }
  return row;
}
#endif

void transpose_matrix(const float* src, int64_t src_stride, float* dst, int64_t dst_stride,
                      int64_t rows, int64_t cols) {
  int64_t row = 0;
#if HWY_TARGET != HWY_SCALAR
  row = transpose_strips<16>(src, src_stride, dst, dst_stride, row, rows, cols);
  row = transpose_strips<8>(src, src_stride, dst, dst_stride, row, rows, cols);
  row = transpose_strips<4>(src, src_stride, dst, dst_stride, row, rows, cols);
#endif
  transpose_scalar(src, src_stride, dst, dst_stride, row, rows, 0, cols);
}

}  // namespace HWY_NAMESPACE
}  // namespace latent::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace latent::kernels {

HWY_EXPORT(transpose_matrix);

void transpose(const float* src, float* dst, int64_t rows, int64_t cols) {
  HWY_DYNAMIC_DISPATCH(transpose_matrix)(src, cols, dst, rows, rows, cols);
}

namespace {

struct Axis {
  int64_t extent, dst_stride, src_stride;
};

/// The axes of a copy, outermost first, without those of extent 1 and with neighbours merged that
/// one stride walks.
struct CopyAxes {
  Axis axes[kMaxCopyRank];
  int rank = 0;

  void append(const Axis& axis) {
    if (axis.extent == 1) return;
    if (rank > 0) {
      Axis& outer = axes[rank - 1];
      if (outer.dst_stride == axis.dst_stride * axis.extent &&
          outer.src_stride == axis.src_stride * axis.extent) {
        outer = {outer.extent * axis.extent, axis.dst_stride, axis.src_stride};
        return;
      }
    }
    axes[rank++] = axis;
  }
};

/// One axis; the size of an element is known, so that the copies become single moves.
template <int64_t kSize>
void copy_axis(std::byte* dst, const std::byte* src, const Axis& axis) {
  if (axis.dst_stride == 1 && axis.src_stride == 1) {
    std::memcpy(dst, src, static_cast<size_t>(axis.extent * kSize));
    return;
  }
  const int64_t dst_step = axis.dst_stride * kSize, src_step = axis.src_stride * kSize;
  for (int64_t i = 0; i < axis.extent; ++i)
    std::memcpy(dst + i * dst_step, src + i * src_step, kSize);
}

/// Two innermost axes that change places: dst is contiguous along the inner, src along the outer.
bool is_transposition(const Axis& outer, const Axis& inner) {
  return inner.dst_stride == 1 && outer.src_stride == 1 && inner.extent >= 4 && outer.extent >= 4;
}

template <int64_t kSize>
void copy_axes(std::byte* dst, const std::byte* src, const Axis* axes, int rank) {
  if (rank == 0) {
    std::memcpy(dst, src, kSize);
  } else if (rank == 1) {
    copy_axis<kSize>(dst, src, axes[0]);
  } else if (rank == 2 && kSize == sizeof(float) && is_transposition(axes[0], axes[1])) {
    HWY_DYNAMIC_DISPATCH(transpose_matrix)
    (reinterpret_cast<const float*>(src), axes[1].src_stride, reinterpret_cast<float*>(dst),
     axes[0].dst_stride, axes[1].extent, axes[0].extent);
  } else {
    for (int64_t i = 0; i < axes[0].extent; ++i) {
      copy_axes<kSize>(dst + i * axes[0].dst_stride * kSize, src + i * axes[0].src_stride * kSize,
                       axes + 1, rank - 1);
    }
  }
}

}  // namespace

void copy_rows(void* dst, size_t dst_step, const void* src, size_t src_step, int64_t rows,
               size_t bytes) {
  struct Quarter {
    uint64_t a, b;
  };
  auto* to = static_cast<std::byte*>(dst);
  const auto* from = static_cast<const std::byte*>(src);
  if (bytes > 512 || bytes % sizeof(Quarter)) {
    for (int64_t r = 0; r < rows; ++r, to += dst_step, from += src_step)
      std::memcpy(to, from, bytes);
    return;
  }
  for (int64_t r = 0; r < rows; ++r, to += dst_step, from += src_step) {
    // Two at a time, or the compiler would make a call of memcpy of it again.
    size_t i = 0;
    for (Quarter q[2]; i + sizeof q <= bytes; i += sizeof q) {
      std::memcpy(q, from + i, sizeof q);
      std::memcpy(to + i, q, sizeof q);
    }
    if (i < bytes) std::memcpy(to + i, from + i, sizeof(Quarter));
  }
}

void strided_copy(void* dst, const void* src, size_t element_size, int rank, const int64_t* extents,
                  const int64_t* dst_strides, const int64_t* src_strides) {
  if (rank > kMaxCopyRank) {
    throw InternalError("strided_copy of rank " + std::to_string(rank) + "; at most " +
                        std::to_string(kMaxCopyRank));
  }
  CopyAxes copy;
  for (int k = 0; k < rank; ++k) {
    if (extents[k] == 0) return;
    copy.append({extents[k], dst_strides[k], src_strides[k]});
  }
  auto* to = static_cast<std::byte*>(dst);
  const auto* from = static_cast<const std::byte*>(src);
  switch (element_size) {
    case 1:
      return copy_axes<1>(to, from, copy.axes, copy.rank);
    case 2:
      return copy_axes<2>(to, from, copy.axes, copy.rank);
    case 4:
      return copy_axes<4>(to, from, copy.axes, copy.rank);
    case 8:
      return copy_axes<8>(to, from, copy.axes, copy.rank);
    default:
      throw InternalError("strided_copy of elements of " + std::to_string(element_size) + " bytes");
  }
}

}  // namespace latent::kernels
#endif  // HWY_ONCE
