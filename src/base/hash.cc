// Word-at-a-time multiplicative hash; see hash.h. Words are little-endian, as every machine that
// latent runs on.
#include "base/hash.h"

#include <bit>
#include <cstring>

namespace latent {

static_assert(std::endian::native == std::endian::little, "hashes and files are little-endian");

uint64_t hash_bytes(std::span<const std::byte> bytes, uint64_t seed) {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15u;  // 2^64 / golden ratio
  uint64_t h = mix64(seed + kOdd) ^ bytes.size();
  // Each step is a bijection of h for a given word, and of the word for a given h: hence the
  // promise of hash_bytes.
  const auto step = [&h](uint64_t word) {
    h = (h ^ word) * kOdd;
    h ^= h >> 32;
  };
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + i, 8);
    step(word);
  }
  if (i < bytes.size()) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, bytes.size() - i);
    step(word);
  }
  return mix64(h);
}

std::string hex64(uint64_t value) {
  std::string s(16, '0');
  for (size_t i = 16; i-- > 0; value >>= 4) s[i] = "0123456789abcdef"[value & 15];
  return s;
}

}  // namespace latent
