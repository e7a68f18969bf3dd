// Where each image of a grid lies, and what happens to values out of range.
#include "report/grid.h"

#include <gtest/gtest.h>

#include <limits>

#include "latent/error.h"

namespace latent {
namespace {

TEST(Grid, PlacesAndClamps) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> images = {0.f, 1.f, 2.f, -1.f, nan, 0.5f};  // three images of 1 x 2
  const Picture p = tile_images(images, 3, 1, 2, 1, 2, 2, 1);
  ASSERT_EQ(p.height, 2 * 3 + 1);
  ASSERT_EQ(p.width, 2 * 5 + 1);
  const auto at = [&](int64_t y, int64_t x) { return p.pixels[static_cast<size_t>(y * p.width + x)]; };
  EXPECT_EQ(at(0, 0), 128);
  EXPECT_EQ(at(1, 1), 0);
  EXPECT_EQ(at(2, 4), 255);
  EXPECT_EQ(at(1, 6), 255);
  EXPECT_EQ(at(1, 8), 0);
  EXPECT_EQ(at(4, 1), 0);
  EXPECT_EQ(at(4, 3), 128);
  EXPECT_EQ(at(4, 6), 128);  // no fourth image
}

TEST(Grid, RefusesWrongSizes) {
  const std::vector<float> images(7);
  EXPECT_THROW(tile_images(images, 2, 2, 2, 1, 1), UsageError);
  EXPECT_THROW(tile_images(images, 7, 1, 1, 1, 0), UsageError);
}

}  // namespace
}  // namespace latent
