// hash_bytes: depends on every bit, on the length and on the seed.
#include "base/hash.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace latent {
namespace {

TEST(Hash, Mix64IsSplitmix64) {
  // First outputs of the generator of Steele, Lea and Flood seeded with 0.
  EXPECT_EQ(mix64(0x9e3779b97f4a7c15u), 0xe220a8397b1dcdafu);
  EXPECT_EQ(mix64(2 * 0x9e3779b97f4a7c15u), 0x6e789e6aa1b965f4u);
}

TEST(Hash, EveryBitOfEveryLengthMatters) {
  for (size_t n = 0; n <= 33; ++n) {
    std::vector<std::byte> bytes(n, std::byte{0x5a});
    std::set<uint64_t> seen = {hash_bytes(bytes)};
    for (size_t i = 0; i < n; ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        bytes[i] ^= std::byte(1 << bit);
        EXPECT_TRUE(seen.insert(hash_bytes(bytes)).second) << n << " " << i << " " << bit;
        bytes[i] ^= std::byte(1 << bit);
      }
    }
  }
}

TEST(Hash, ZerosOfDifferentLengthsDiffer) {
  const std::vector<std::byte> zeros(64);
  std::set<uint64_t> seen;
  for (size_t n = 0; n <= zeros.size(); ++n) {
    EXPECT_TRUE(seen.insert(hash_bytes(std::span(zeros).first(n))).second) << n;
  }
}

TEST(Hash, TheSeedMattersAndAlignmentDoesNot) {
  std::vector<std::byte> bytes(41);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = std::byte(i * 7);
  EXPECT_NE(hash_bytes(bytes, 1), hash_bytes(bytes, 2));
  std::vector<std::byte> shifted(bytes.size() + 1);
  std::copy(bytes.begin(), bytes.end(), shifted.begin() + 1);
  EXPECT_EQ(hash_bytes(bytes), hash_bytes(std::span(shifted).subspan(1)));
}

TEST(Hash, Hex) {
  EXPECT_EQ(hex64(0), "0000000000000000");
  EXPECT_EQ(hex64(0x0123456789abcdefu), "0123456789abcdef");
}

}  // namespace
}  // namespace latent
