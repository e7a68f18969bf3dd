// Conversions against their definitions, on every instruction set, at short lengths and
// misalignments.
#include "kernels/convert.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/test_targets.h"

namespace latent::kernels {
namespace {

constexpr size_t kLongest = 2 * 64 + 3;

void f32_to_bf16(const float* x, uint16_t* y, size_t n) { from_floats(DType::bf16, x, y, n); }
void f32_to_i32(const float* x, int32_t* y, size_t n) { from_floats(DType::i32, x, y, n); }
void bf16_to_f32(const uint16_t* x, float* y, size_t n) { to_floats(DType::bf16, x, y, n); }
void i32_to_f32(const int32_t* x, float* y, size_t n) { to_floats(DType::i32, x, y, n); }
void u8_to_f32(const uint8_t* x, float* y, size_t n) { to_floats(DType::u8, x, y, n); }

/// Converts x[1, n + 1) to the middle of a sentinel-framed array and returns the results.
template <class To, class From>
std::vector<To> converted(void (*convert)(const From*, To*, size_t), const std::vector<From>& x) {
  const To sentinel = static_cast<To>(77);
  std::vector<From> src(1);
  src.insert(src.end(), x.begin(), x.end());
  std::vector<To> dst(x.size() + 4, sentinel);
  convert(src.data() + 1, dst.data() + 3, x.size());
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(dst[i], sentinel);
  EXPECT_EQ(dst.back(), sentinel);
  return std::vector<To>(dst.begin() + 3, dst.end() - 1);
}

/// The nearest bf16 by comparing the distances to both neighbours in double; ties to the even one.
uint16_t nearest_bf16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint32_t below = bits >> 16, above = below + 1;  // toward zero and away from it
  const auto value = [](uint32_t half) {
    // 2^128 stands for the first value beyond the range.
    const bool beyond = (half & 0x7fffu) == 0x7f80u;
    const double size = beyond ? 0x1p128 : std::abs(std::bit_cast<float>(half << 16));
    return size;
  };
  const double size = std::abs(static_cast<double>(x));
  if (std::isinf(x)) return static_cast<uint16_t>(below);
  const double to_below = size - value(below), to_above = value(above) - size;
  if (to_below != to_above) return static_cast<uint16_t>(to_below < to_above ? below : above);
  return static_cast<uint16_t>(below % 2 == 0 ? below : above);
}

TEST(Convert, ToBf16RoundsToNearestEven) {
  std::vector<float> x;
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 0x00010000u / 4) {
    // Around and on every tie.
    for (const uint32_t offset : {0u, 1u, 0x3fffu}) {
      const float value = std::bit_cast<float>(static_cast<uint32_t>(bits) + offset);
      if (!std::isnan(value)) x.push_back(value);
    }
  }
  std::vector<uint16_t> expected(x.size());
  for (size_t i = 0; i < x.size(); ++i) expected[i] = nearest_bf16(x[i]);
  for_each_target([&] {
    const std::vector<uint16_t> got = converted(f32_to_bf16, x);
    for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(got[i], expected[i]) << x[i];
  });
}

TEST(Convert, NanStaysNanThroughBf16) {
  for_each_target([] {
    for (const uint32_t bits : {0x7fc00000u, 0x7f800001u, 0x7fffffffu, 0xffffffffu, 0xff800001u}) {
      const std::vector<float> x(19, std::bit_cast<float>(bits));
      const std::vector<float> back = converted(bf16_to_f32, converted(f32_to_bf16, x));
      for (const float value : back) {
        EXPECT_TRUE(std::isnan(value)) << std::hex << bits;
        EXPECT_EQ(std::signbit(value), bits >> 31 != 0);
      }
    }
  });
}

TEST(Convert, EveryBf16SurvivesTheRoundTrip) {
  std::vector<uint16_t> all;
  for (uint32_t half = 0; half < 0x10000u; ++half) {
    if (!std::isnan(std::bit_cast<float>(half << 16))) all.push_back(static_cast<uint16_t>(half));
  }
  for_each_target([&] { EXPECT_EQ(converted(f32_to_bf16, converted(bf16_to_f32, all)), all); });
}

TEST(Convert, Bytes) {
  for_each_target([] {
    for (size_t n = 0; n <= kLongest; ++n) {
      std::vector<uint8_t> x(n);
      for (size_t i = 0; i < n; ++i) x[i] = static_cast<uint8_t>(255 - 3 * i);
      const std::vector<float> got = converted(u8_to_f32, x);
      for (size_t i = 0; i < n; ++i) ASSERT_EQ(got[i], static_cast<float>(x[i])) << n;
    }
  });
}

TEST(Convert, FromInt32RoundsToNearestEven) {
  constexpr int32_t kMin = std::numeric_limits<int32_t>::min();
  constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
  const std::vector<int32_t> x = {0, 1, -1, 16777216, 16777217, 16777219, -16777217, kMax, kMin, 7};
  const std::vector<float> expected = {
      0, 1, -1, 16777216, 16777216, 16777220, -16777216, 2147483648.0f, -2147483648.0f, 7};
  for_each_target([&] {
    for (size_t n = 0; n <= kLongest; ++n) {
      std::vector<int32_t> many(n);
      for (size_t i = 0; i < n; ++i) many[i] = x[i % x.size()];
      const std::vector<float> got = converted(i32_to_f32, many);
      for (size_t i = 0; i < n; ++i) ASSERT_EQ(got[i], expected[i % x.size()]) << n << " " << i;
    }
  });
}

TEST(Convert, ToInt32TruncatesAndClamps) {
  constexpr int32_t kMin = std::numeric_limits<int32_t>::min();
  constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> x = {0.0f,          -0.9f,         0.9f,           1.5f,           -2.5f,
                                2147483520.0f, 2147483648.0f, -2147483648.0f, -2147483904.0f, kInf,
                                -kInf,         kNan,          -kNan,          1e30f};
  const std::vector<int32_t> expected = {0,    0,    0,    1,    -2, 2147483520, kMax,
                                         kMin, kMin, kMax, kMin, 0,  0,          kMax};
  for_each_target([&] {
    for (size_t n = 0; n <= kLongest; ++n) {
      std::vector<float> many(n);
      for (size_t i = 0; i < n; ++i) many[i] = x[i % x.size()];
      const std::vector<int32_t> got = converted(f32_to_i32, many);
      for (size_t i = 0; i < n; ++i) ASSERT_EQ(got[i], expected[i % x.size()]) << n << " " << i;
    }
  });
}

}  // namespace
}  // namespace latent::kernels
