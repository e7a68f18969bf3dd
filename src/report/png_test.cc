// PNG: what libpng reads back is what was written; sizes that do not fit are refused.
#include "report/png.h"

#include <gtest/gtest.h>
#include <png.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "base/file.h"
#include "latent/error.h"

namespace latent {
namespace {

std::vector<uint8_t> pattern(int height, int width, int channels) {
  std::vector<uint8_t> pixels(size_t(height) * size_t(width) * size_t(channels));
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i * 97 >> 2);
  return pixels;
}

TEST(Png, ReadsBackAsItWas) {
  const int sizes[][3] = {{1, 1, 1}, {1, 1, 3}, {5, 7, 1}, {7, 5, 3}, {300, 200, 3}};
  for (const auto& [height, width, channels] : sizes) {
    const auto pixels = pattern(height, width, channels);
    const std::string file = encode_png(pixels, height, width, channels);
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    ASSERT_TRUE(png_image_begin_read_from_memory(&image, file.data(), file.size()))
        << image.message;
    EXPECT_EQ(image.height, static_cast<unsigned>(height));
    EXPECT_EQ(image.width, static_cast<unsigned>(width));
    EXPECT_EQ(image.format,
              static_cast<unsigned>(channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB));
    std::vector<uint8_t> back(pixels.size());
    ASSERT_TRUE(png_image_finish_read(&image, nullptr, back.data(), 0, nullptr)) << image.message;
    EXPECT_EQ(back, pixels);
    EXPECT_EQ(encode_png(pixels, height, width, channels), file) << "the same bytes again";
  }
}

TEST(Png, WritesAFile) {
  const std::string path = testing::TempDir() + "latent-" + std::to_string(::getpid()) + ".png";
  const auto pixels = pattern(4, 4, 1);
  write_png(path, pixels, 4, 4, 1);
  EXPECT_EQ(read_file(path), encode_png(pixels, 4, 4, 1));
  std::filesystem::remove(path);
}

TEST(Png, RefusesSizesThatDoNotFit) {
  const auto pixels = pattern(2, 2, 3);
  EXPECT_THROW(encode_png(pixels, 2, 2, 1), UsageError);
  EXPECT_THROW(encode_png(pixels, 3, 2, 2), UsageError);
  EXPECT_THROW(encode_png(pixels, 0, 0, 3), UsageError);
  EXPECT_THROW(encode_png(pixels, -2, -2, 3), UsageError);
  EXPECT_THROW(encode_png({}, 1, 0, 3), UsageError);
  EXPECT_THROW(encode_png(pixels, 12, 1 << 30, 1), UsageError);
}

}  // namespace
}  // namespace latent
