// Noise by Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). The
// counter of four numbers is (row id, element in row / 4, iteration, step), the key (seed, stream)
// folded to 64 bits; so the noise of an element depends on nothing but these, in whatever order and
// on however many threads it is drawn.
#pragma once

#include <cstddef>
#include <cstdint>

namespace latent::kernels {

struct NoiseKey {
  uint32_t key[2];         // see noise_key
  uint32_t iteration = 0;  // of the innermost scan, 0 outside
  uint32_t step = 0;       // training step, low 32 bits
};

/// Mixes a seed and the hash of a stream's path to a Philox key.
NoiseKey noise_key(uint64_t seed, uint64_t stream, uint32_t iteration, uint32_t step);

inline constexpr int kPhiloxRounds = 10;
inline constexpr uint32_t kPhiloxMultiplier[2] = {0xD2511F53u, 0xCD9E8D57u};
inline constexpr uint32_t kPhiloxWeyl[2] = {0x9E3779B9u, 0xBB67AE85u};
/// Philox4x32-10 of one counter: the scalar definition that the vector code is tested against.
void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/// dst [n, cols]: standard normals of the rows called rows[0..n), by Box-Muller from words (0,1)
/// and (2,3) of each counter block: u1 = (w0 + 1) * 2^-32 in (0, 1], u2 = w1 * 2^-32; r cos(2 pi
/// u2), r sin(2 pi u2) with r = sqrt(-2 ln u1).
void normal_rows(const NoiseKey& key, const int32_t* rows, size_t n, float* dst, size_t cols);
/// Uniforms in [0, 1): the upper 24 bits of each word times 2^-24.
void uniform_rows(const NoiseKey& key, const int32_t* rows, size_t n, float* dst, size_t cols);

}  // namespace latent::kernels
