// Transposition on every instruction set and strided copies against a walk over every index.
#include "kernels/layout.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "kernels/test_targets.h"
#include "latent/error.h"

namespace latent::kernels {
namespace {

TEST(Transpose, EveryShapeAroundTheBlocks) {
  constexpr float kSentinel = -5;
  std::vector<std::pair<int64_t, int64_t>> shapes = {{32, 100}, {100, 32}, {784, 400}, {1, 1000}};
  for (int64_t rows = 0; rows <= 37; ++rows) {
    for (int64_t cols = 0; cols <= 21; ++cols) shapes.push_back({rows, cols});
  }
  for_each_target([&] {
    for (const auto& [rows, cols] : shapes) {
      const size_t n = static_cast<size_t>(rows * cols);
      std::vector<float> src(n + 1), dst(n + 4, kSentinel);
      std::iota(src.begin(), src.end(), 0.0f);
      transpose(src.data() + 1, dst.data() + 3, rows, cols);
      for (size_t i = 0; i < 3; ++i) ASSERT_EQ(dst[i], kSentinel);
      ASSERT_EQ(dst.back(), kSentinel) << rows << " x " << cols;
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < cols; ++c) {
          ASSERT_EQ(dst[static_cast<size_t>(3 + c * rows + r)],
                    src[static_cast<size_t>(1 + r * cols + c)])
              << rows << " x " << cols << " at " << r << ", " << c;
        }
      }
    }
  });
}

struct Copy {
  std::string name;
  std::vector<int64_t> extents, dst_strides, src_strides;
  int64_t src_start = 0;  // elements, for negative strides
};

/// Runs the copy on byte patterns for one element size and compares with the index walk; untouched
/// bytes stay.
void check_copy(const Copy& copy, size_t element_size) {
  constexpr size_t kElements = 6000;
  const size_t rank = copy.extents.size();
  std::vector<std::byte> src(kElements * element_size),
      dst(kElements * element_size, std::byte{0xee});
  for (size_t i = 0; i < src.size(); ++i) src[i] = static_cast<std::byte>((i * 37 + i / 251) % 238);
  std::vector<std::byte> expected = dst;
  int64_t count = 1;
  for (const int64_t extent : copy.extents) count *= extent;
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i, to = 0, from = copy.src_start;
    for (size_t k = rank; k-- > 0;) {
      to += rest % copy.extents[k] * copy.dst_strides[k];
      from += rest % copy.extents[k] * copy.src_strides[k];
      rest /= copy.extents[k];
    }
    ASSERT_LT(static_cast<size_t>(to), kElements);
    ASSERT_LT(static_cast<size_t>(from), kElements);
    std::memcpy(expected.data() + static_cast<size_t>(to) * element_size,
                src.data() + static_cast<size_t>(from) * element_size, element_size);
  }
  strided_copy(dst.data(), src.data() + static_cast<size_t>(copy.src_start) * element_size,
               element_size, static_cast<int>(rank), copy.extents.data(), copy.dst_strides.data(),
               copy.src_strides.data());
  EXPECT_TRUE(dst == expected) << copy.name << ", element size " << element_size;
}

TEST(StridedCopy, AgreesWithTheIndexWalk) {
  const std::vector<Copy> copies = {
      {"one element", {}, {}, {}},
      {"no element", {3, 0, 4}, {0, 4, 1}, {0, 4, 1}},
      {"contiguous", {3, 4, 5}, {20, 5, 1}, {20, 5, 1}},
      {"extents of 1", {1, 7, 1, 5, 1}, {999, 5, 3, 1, 8}, {0, 5, 777, 1, 0}},
      {"row slice", {6, 9}, {9, 1}, {20, 1}, 3},
      {"column slice with step", {6, 9}, {9, 1}, {40, 3}},
      {"into a concat", {6, 9}, {31, 1}, {9, 1}},
      {"broadcast rows", {7, 13}, {13, 1}, {0, 1}},
      {"broadcast columns", {7, 13}, {13, 1}, {1, 0}},
      {"broadcast all", {7, 13}, {13, 1}, {0, 0}},
      {"transposed", {19, 23}, {23, 1}, {1, 19}},
      {"transposed, narrow", {3, 23}, {23, 1}, {1, 3}},
      {"transposed with gaps", {19, 23}, {30, 1}, {1, 40}},
      {"batch of transpositions", {4, 10, 12}, {120, 12, 1}, {120, 1, 10}},
      {"permuted 0 2 3 1", {2, 6, 7, 5}, {210, 35, 5, 1}, {210, 7, 1, 42}},
      {"reversed", {5, 8}, {8, 1}, {-8, -1}, 39},
      {"destination transposed", {8, 6}, {1, 8}, {6, 1}},
      {"twelve axes",
       {2, 1, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2},
       {1, 0, 2, 4, 8, 16, 0, 32, 64, 128, 256, 512},
       {512, 0, 256, 128, 64, 32, 0, 16, 8, 4, 2, 1}},
  };
  for_each_target([&] {
    for (const Copy& copy : copies) {
      for (const size_t element_size : {1, 2, 4, 8}) check_copy(copy, element_size);
    }
  });
}

TEST(StridedCopy, RefusesMoreAxesThanItHoldsAndOtherElements) {
  const std::vector<int64_t> extents(kMaxCopyRank + 1, 1), strides(kMaxCopyRank + 1, 0);
  float a = 1, b = 2;
  EXPECT_THROW(strided_copy(&a, &b, sizeof(a), kMaxCopyRank + 1, extents.data(), strides.data(),
                            strides.data()),
               InternalError);
  EXPECT_THROW(strided_copy(&a, &b, 3, 1, extents.data(), strides.data(), strides.data()),
               InternalError);
}

TEST(CopyRows, CopiesTheseBytesAndNoOthers) {
  for (const size_t bytes : {0, 1, 4, 16, 20, 48, 80, 512, 528, 4000}) {
    const size_t from_step = bytes + 12, to_step = bytes + 8;
    constexpr int64_t kRows = 5;
    std::vector<std::byte> from(from_step * kRows), to(to_step * kRows, std::byte{255});
    for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<std::byte>(i % 251);
    copy_rows(to.data(), to_step, from.data(), from_step, kRows, bytes);
    for (size_t i = 0; i < to.size(); ++i) {
      const size_t row = i / to_step, at = i % to_step;
      ASSERT_EQ(to[i], at < bytes ? from[row * from_step + at] : std::byte{255})
          << bytes << " bytes, row " << row << ", byte " << at;
    }
  }
}

}  // namespace
}  // namespace latent::kernels
