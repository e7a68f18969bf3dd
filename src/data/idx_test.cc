// IDX: every element type, and every way in which a header can lie.
#include "data/idx.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <numeric>

#include "base/file.h"

namespace latent {
namespace {

using namespace std::string_literals;

Tensor parse(const std::string& text) { return parse_idx(bytes_of(text), "a.idx"); }

TEST(Idx, BytesWithTwoAxes) {
  const Tensor t = parse("\0\0\x08\2\0\0\0\2\0\0\0\3abcdef"s);
  EXPECT_EQ(t.dtype(), DType::u8);
  EXPECT_EQ(t.shape(), (Shape{2, 3}));
  EXPECT_EQ(t.span<uint8_t>()[5], 'f');
}

TEST(Idx, OtherTypesAreTurnedRound) {
  EXPECT_EQ(parse("\0\0\x09\1\0\0\0\1\xfe"s).span<int32_t>()[0], -2);
  EXPECT_EQ(parse("\0\0\x0b\1\0\0\0\1\xff\0"s).span<int32_t>()[0], -256);
  EXPECT_EQ(parse("\0\0\x0c\1\0\0\0\1\1\2\3\4"s).span<int32_t>()[0], 0x01020304);
  EXPECT_EQ(parse("\0\0\x0d\1\0\0\0\1\xc0\x20\0\0"s).span<float>()[0], -2.5f);
  EXPECT_EQ(parse("\0\0\x0e\1\0\0\0\1\x3f\xf8\0\0\0\0\0\0"s).span<double>()[0], 1.5);
}

TEST(Idx, NoRowsIsLegal) { EXPECT_EQ(parse("\0\0\x08\2\0\0\0\0\0\0\0\3"s).shape(), (Shape{0, 3})); }

TEST(Idx, LiesAreDataErrorsWithPathAndPlace) {
  const std::string bad[] = {
      "",
      "\0\0\x08"s,
      "\1\0\x08\1\0\0\0\1a"s,  // magic
      "\0\0\x0a\1\0\0\0\1a"s,  // type
      "\0\0\x08\0a"s,          // no axes
      "\0\0\x08\7\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1a"s,
      "\0\0\x08\2\0\0\0\1\0\0\0"s,                            // ends in the header
      "\0\0\x08\1\0\0\0\2a"s,                                 // one byte short
      "\0\0\x08\1\0\0\0\1ab"s,                                // one too many
      "\0\0\x08\2\xff\xff\xff\xff\xff\xff\xff\xff"s,          // 2^64 bytes
      "\0\0\x08\4\x40\0\0\0\x40\0\0\0\x40\0\0\0\x40\0\0\0"s,  // 2^120, which is 0 in 64 bits
      "\0\0\x0e\2\x80\0\0\0\x40\0\0\0"s,                      // 2^61 numbers, 2^64 bytes
  };
  for (const std::string& text : bad) {
    try {
      parse(text);
      ADD_FAILURE() << "was read: " << testing::PrintToString(text);
    } catch (const DataError& e) {
      EXPECT_EQ(e.path(), "a.idx");
      EXPECT_GE(e.offset(), 0);
    }
  }
}

TEST(Idx, MnistTestSet) {
  const char* shared = std::getenv("LATENT_SHARED");
  const std::string folder = (shared ? shared : LATENT_SOURCE_DIR "/../shared") + "/data/mnist/"s;
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no " << folder;
  const Tensor images = read_idx(folder + "t10k-images-idx3-ubyte.gz");
  EXPECT_EQ(images.shape(), (Shape{10000, 28, 28}));
  const auto pixels = images.span<uint8_t>();
  const double mean =
      std::accumulate(pixels.begin(), pixels.end(), 0.0) / 255 / static_cast<double>(pixels.size());
  EXPECT_NEAR(mean, 0.13251, 5e-6);
  const Tensor labels = read_idx(folder + "t10k-labels-idx1-ubyte.gz");
  EXPECT_EQ(labels.shape(), (Shape{10000}));
  EXPECT_EQ(labels.span<uint8_t>()[0], 7);
}

}  // namespace
}  // namespace latent
