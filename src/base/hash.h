// A 64-bit hash for fingerprints of data and for finding damage in files, and the mixing function
// of counter-based draws. Not for cryptography: it finds accidents, not forgery.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace latent {

/// The finalizer of splitmix64 (Steele, Lea and Flood 2014): a bijection whose output bits all
/// depend on all input bits.
constexpr uint64_t mix64(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// Hash of the bytes and their number, continued from `seed`. Two inputs of one length that differ
/// within a single aligned 8-byte word never have the same hash. The value is written in files: it
/// never changes.
uint64_t hash_bytes(std::span<const std::byte> bytes, uint64_t seed = 0);

/// FNV-1a: the key of a name, of which initial weights and noise depend.
constexpr uint64_t hash_name(std::string_view s) {
  uint64_t h = 14695981039346656037u;
  for (const char c : s) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return h;
}

/// Sixteen lower-case hexadecimal digits.
std::string hex64(uint64_t value);

}  // namespace latent
