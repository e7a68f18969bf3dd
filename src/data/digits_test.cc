// The embedded digits are those of scikit-learn's load_digits: the facts below are known of that
// set.
#include "data/digits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace latent {
namespace {

TEST(Digits, ShapesAndRange) {
  const Tensor images = digits_images();
  const Tensor labels = digits_labels();
  EXPECT_EQ(images.shape(), (Shape{1797, 8, 8}));
  EXPECT_EQ(labels.shape(), (Shape{1797}));
  const auto pixels = images.span<uint8_t>();
  EXPECT_EQ(*std::ranges::min_element(pixels), 0);
  EXPECT_EQ(*std::ranges::max_element(pixels), 16);
}

TEST(Digits, MeanOfAllPixels) {
  const Tensor images = digits_images();
  const auto pixels = images.span<uint8_t>();
  const double sum = std::accumulate(pixels.begin(), pixels.end(), 0.0);
  EXPECT_NEAR(sum / static_cast<double>(pixels.size()), 4.884164579855314, 1e-14);
}

TEST(Digits, CountsOfEachClass) {
  const Tensor labels = digits_labels();
  const int expected[10] = {178, 182, 177, 183, 181, 182, 181, 179, 174, 180};
  for (int c = 0; c < 10; ++c)
    EXPECT_EQ(std::ranges::count(labels.span<int32_t>(), c), expected[c]) << c;
}

TEST(Digits, FirstImageAndLabels) {
  const uint8_t first[64] = {0, 0, 5,  13, 9,  1,  0, 0, 0, 0, 13, 15, 10, 15, 5, 0,
                             0, 3, 15, 2,  0,  11, 8, 0, 0, 4, 12, 0,  0,  8,  8, 0,
                             0, 5, 8,  0,  0,  9,  8, 0, 0, 4, 11, 0,  1,  12, 7, 0,
                             0, 2, 14, 5,  10, 12, 0, 0, 0, 0, 6,  13, 10, 0,  0, 0};
  const Tensor images = digits_images();
  EXPECT_TRUE(std::ranges::equal(images.span<uint8_t>().first(64), first));
  const Tensor labels = digits_labels();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(labels.span<int32_t>()[static_cast<size_t>(i)], i);
  EXPECT_EQ(labels.span<int32_t>().back(), 8);
}

}  // namespace
}  // namespace latent
