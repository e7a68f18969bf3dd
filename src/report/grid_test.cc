// Grids: every pixel where it belongs.
#include "report/grid.h"

#include <gtest/gtest.h>

#include <cmath>

namespace latent {
namespace {

// f32 images whose pixels are 0/255, 1/255, 2/255, ...
Tensor counting(const Shape& shape) {
  Tensor t(shape);
  for (size_t i = 0; i < t.span<float>().size(); ++i)
    t.span<float>()[i] = static_cast<float>(i) / 255.f;
  return t;
}

TEST(Grid, PlacesImagesWithGaps) {
  const Picture p =
      tile_images(counting({3, 1, 2}), {.columns = 2, .scale = 1, .gap = 1, .gap_value = 99});
  EXPECT_EQ(p.height, 3);
  EXPECT_EQ(p.width, 5);
  EXPECT_EQ(p.channels, 1);
  EXPECT_EQ(p.pixels, (std::vector<uint8_t>{0, 1, 99, 2, 3,      //
                                            99, 99, 99, 99, 99,  //
                                            4, 5, 99, 99, 99}));
}

TEST(Grid, ScalesByRepeating) {
  const Picture p = tile_images(counting({2, 1, 2}), {.columns = 5, .scale = 2, .gap = 0});
  EXPECT_EQ(p.height, 2);
  EXPECT_EQ(p.width, 8) << "no wider than two images";
  EXPECT_EQ(p.pixels, (std::vector<uint8_t>{0, 0, 1, 1, 2, 2, 3, 3, 0, 0, 1, 1, 2, 2, 3, 3}));
}

TEST(Grid, KeepsChannelsTogether) {
  const Picture p = tile_images(counting({2, 1, 1, 3}), {.columns = 2, .scale = 2, .gap = 0});
  EXPECT_EQ(p.channels, 3);
  const std::vector<uint8_t> row = {0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5};
  std::vector<uint8_t> both = row;
  both.insert(both.end(), row.begin(), row.end());
  EXPECT_EQ(p.pixels, both);
  EXPECT_EQ(tile_images(counting({2, 1, 1, 1})).channels, 1);
}

TEST(Grid, PairsStandOneOverTheOther) {
  Tensor below = counting({3, 1, 1});
  for (float& v : below.span<float>()) v += 10 / 255.f;
  const Picture p =
      tile_pairs(counting({3, 1, 1}), below, {.columns = 2, .scale = 1, .gap = 0, .gap_value = 99});
  EXPECT_EQ(p.pixels, (std::vector<uint8_t>{0, 1, 10, 11, 2, 99, 12, 99}));
  EXPECT_THROW(tile_pairs(counting({3, 1, 1}), counting({3, 1, 2})), UsageError);
}

TEST(Grid, ValuesAreClampedAndRounded) {
  Tensor t({1, 1, 7});
  const float values[] = {-1.f, NAN, INFINITY, 2.f, 0.5f, 0.4f / 255, 0.6f / 255};
  std::copy(std::begin(values), std::end(values), t.span<float>().begin());
  EXPECT_EQ(tile_images(t).pixels, (std::vector<uint8_t>{0, 0, 255, 255, 128, 0, 1}));
}

TEST(Grid, RefusesWhatCannotBeDrawn) {
  EXPECT_THROW(tile_images(Tensor({4, 4})), UsageError);
  EXPECT_THROW(tile_images(Tensor({1, 4, 4, 2})), UsageError);
  EXPECT_THROW(tile_images(Tensor({0, 4, 4})), UsageError);
  EXPECT_THROW(tile_images(Tensor({1, 4, 4}, DType::u8)), UsageError);
  EXPECT_THROW(tile_images(Tensor({1, 4, 4}), {.columns = 0}), UsageError);
  EXPECT_THROW(tile_images(Tensor({1, 4, 4}), {.scale = 0}), UsageError);
  EXPECT_THROW(tile_images(Tensor({1, 4, 4}), {.gap = -1}), UsageError);
  EXPECT_THROW(tile_images(Tensor({1, 1000, 1000}), {.scale = 64}), UsageError);
}

}  // namespace
}  // namespace latent
