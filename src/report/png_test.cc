// Pictures come back from libpng as they were written; sizes that do not fit are refused.
#include "report/png.h"

#include <gtest/gtest.h>
#include <png.h>

#include <filesystem>
#include <numeric>
#include <vector>

#include "latent/error.h"

namespace latent {
namespace {

TEST(Png, RoundTrip) {
  const std::string path = testing::TempDir() + "latent_png_test.png";
  for (int64_t channels : {1, 3}) {
    std::vector<uint8_t> pixels(static_cast<size_t>(5 * 7 * channels));
    std::iota(pixels.begin(), pixels.end(), uint8_t{3});
    write_png(path, pixels, 5, 7, channels);
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    ASSERT_TRUE(png_image_begin_read_from_file(&image, path.c_str()));
    EXPECT_EQ(image.width, 7u);
    EXPECT_EQ(image.height, 5u);
    image.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    std::vector<uint8_t> back(pixels.size());
    ASSERT_TRUE(png_image_finish_read(&image, nullptr, back.data(), 0, nullptr));
    EXPECT_EQ(back, pixels);
  }
  std::filesystem::remove(path);
}

TEST(Png, RefusesWhatDoesNotFit) {
  const std::vector<uint8_t> pixels(12);
  EXPECT_THROW(write_png("unused.png", pixels, 3, 3, 1), UsageError);
  EXPECT_THROW(write_png("unused.png", pixels, 3, 2, 2), UsageError);
  EXPECT_THROW(write_png("/no/such/folder/x.png", pixels, 3, 4, 1), SystemError);
}

}  // namespace
}  // namespace latent
