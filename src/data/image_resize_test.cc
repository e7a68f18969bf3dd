// Resizing: means of areas, interpolation, and what crop, pad and stretch keep.
#include "data/image_resize.h"

#include <gtest/gtest.h>

#include "data/test_images.h"
#include "latent/error.h"

namespace latent {
namespace {

using Pixels = std::vector<uint8_t>;

Image grey(int height, int width, Pixels pixels) { return {height, width, 1, std::move(pixels)}; }

TEST(Resizing, ShrinkingTakesMeansOfAreas) {
  const Image i = grey(2, 4, {0, 10, 100, 200, 20, 30, 100, 0});
  EXPECT_EQ(fitted(i, 1, 2, Fit::stretch, 1).pixels, (Pixels{15, 100}));
  // Three pixels to two: each covers one and a half. (0 + 60/2) / 1.5 and (60/2 + 90) / 1.5.
  EXPECT_EQ(fitted(grey(1, 3, {0, 60, 90}), 1, 2, Fit::stretch, 1).pixels, (Pixels{20, 80}));
}

TEST(Resizing, GrowingInterpolates) {
  // Centres at -0.25, 0.25, 0.75, 1.25 of the source's, clamped to its ends.
  EXPECT_EQ(fitted(grey(1, 2, {0, 100}), 1, 4, Fit::stretch, 1).pixels, (Pixels{0, 25, 75, 100}));
  EXPECT_EQ(fitted(grey(1, 1, {7}), 3, 2, Fit::stretch, 1).pixels, Pixels(6, 7));
}

TEST(Resizing, OneSizeIsTheSamePicture) {
  const Image i{13, 7, 3, testing::slopes(13, 7)};
  for (const Fit fit : {Fit::crop, Fit::pad, Fit::stretch})
    EXPECT_EQ(fitted(i, 13, 7, fit, 3).pixels, i.pixels);
}

TEST(Resizing, CropKeepsTheMiddle) {
  EXPECT_EQ(fitted(grey(1, 4, {1, 2, 3, 4}), 1, 2, Fit::crop, 1).pixels, (Pixels{2, 3}));
  EXPECT_EQ(fitted(grey(4, 1, {1, 2, 3, 4}), 2, 1, Fit::crop, 1).pixels, (Pixels{2, 3}));
}

TEST(Resizing, PadKeepsAllBetweenBlackBars) {
  EXPECT_EQ(fitted(grey(1, 2, {50, 60}), 2, 2, Fit::pad, 1).pixels, (Pixels{50, 60, 0, 0}));
  EXPECT_EQ(fitted(grey(3, 1, {50, 60, 70}), 3, 3, Fit::pad, 1).pixels,
            (Pixels{0, 50, 0, 0, 60, 0, 0, 70, 0}));
  EXPECT_EQ(fitted(grey(1, 1000, Pixels(1000, 9)), 4, 4, Fit::pad, 1).pixels.size(), 16u)
      << "a line stays one pixel high";
}

TEST(Resizing, GreyAndColour) {
  const Image red{1, 1, 3, {255, 0, 0}};
  EXPECT_EQ(fitted(red, 1, 1, Fit::crop, 1).pixels, Pixels{76}) << "0.299 of 255";
  EXPECT_EQ(fitted(grey(1, 1, {9}), 1, 1, Fit::crop, 3).pixels, (Pixels{9, 9, 9}));
}

TEST(Resizing, AnyShapeGivesTheSizeAskedFor) {
  for (const int h : {1, 2, 3, 17, 64}) {
    for (const int w : {1, 5, 33, 100}) {
      const Image i{h, w, 1, Pixels(static_cast<size_t>(h * w), 200)};
      for (const Fit fit : {Fit::crop, Fit::stretch}) {
        const Image r = fitted(i, 7, 11, fit, 1);
        EXPECT_EQ(r.pixels, Pixels(77, 200)) << h << " x " << w << ": a flat picture stays flat";
      }
      EXPECT_EQ(fitted(i, 7, 11, Fit::pad, 1).pixels.size(), 77u);
    }
  }
}

TEST(Resizing, AWayThatThereIsNot) { EXPECT_THROW(fit_named("cut"), UsageError); }

}  // namespace
}  // namespace latent
