// Philox4x32-10 noise (see random.h), compiled once per instruction set: a vector of N lanes
// computes N counter blocks at once. The words are the same everywhere; the normals made
// of them may differ between instruction sets in the last bits (see math_inl.h).
#include "kernels/random.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/random.cc"
#include "hwy/foreach_target.h"
// foreach_target must come before these.
#include "base/hash.h"
#include "hwy/highway.h"
#include "kernels/math_inl.h"

HWY_BEFORE_NAMESPACE();
namespace latent::kernels {
namespace HWY_NAMESPACE {

using U = hn::RebindToUnsigned<D>;
using VU = hn::Vec<U>;
constexpr size_t kBlocks = hn::MaxLanes(D());  // counter blocks in one vector

/// Word j of kBlocks counter blocks: lane i of w[j] belongs to block i.
struct Words {
  VU w[4];
};

#if HWY_TARGET == HWY_SCALAR
HWY_INLINE Words words_at(const NoiseKey& key, const uint32_t* rows, const uint32_t* blocks) {
  const uint32_t counter[4] = {rows[0], blocks[0], key.iteration, key.step};
  uint32_t out[4];
  philox(counter, key.key, out);
  const U u;
  return {{hn::Set(u, out[0]), hn::Set(u, out[1]), hn::Set(u, out[2]), hn::Set(u, out[3])}};
}
#else
using W = hn::RepartitionToWide<U>;
using VW = hn::Vec<W>;

/// The low halves of the lanes of a, times m: 64-bit products.
HWY_INLINE VW multiply(VW a, uint32_t m) {
  return hn::MulEven(hn::BitCast(U(), a), hn::Set(U(), m));
}

/// Words of kBlocks / 2 blocks, each in the low half of a 64-bit lane; the high halves hold
/// rubbish.
struct WideWords {
  VW w[4];
};

HWY_INLINE void round_of(WideWords& c, uint32_t key0, uint32_t key1) {
  const W wide;
  const VW p0 = multiply(c.w[0], kPhiloxMultiplier[0]);
  const VW p1 = multiply(c.w[2], kPhiloxMultiplier[1]);
  c.w[0] = hn::Xor(hn::Xor(hn::ShiftRight<32>(p1), c.w[1]), hn::Set(wide, key0));
  c.w[2] = hn::Xor(hn::Xor(hn::ShiftRight<32>(p0), c.w[3]), hn::Set(wide, key1));
  c.w[1] = p1;
  c.w[3] = p0;
}

/// Words of the blocks blocks[i] of the rows rows[i], i < kBlocks.
HWY_INLINE Words words_at(const NoiseKey& key, const uint32_t* rows, const uint32_t* blocks) {
  const U u;
  const W wide;
  const VW row = hn::BitCast(wide, hn::LoadU(u, rows)),
           block = hn::BitCast(wide, hn::LoadU(u, blocks));
  const VW iteration = hn::Set(wide, key.iteration);
  const VW step = hn::Set(wide, key.step);
  WideWords even = {{row, block, iteration, step}};
  WideWords odd = {{hn::ShiftRight<32>(row), hn::ShiftRight<32>(block), iteration, step}};
  uint32_t key0 = key.key[0], key1 = key.key[1];
  for (int r = 0; r < kPhiloxRounds; ++r, key0 += kPhiloxWeyl[0], key1 += kPhiloxWeyl[1]) {
    round_of(even, key0, key1);
    round_of(odd, key0, key1);
  }
  Words words;
  for (int j = 0; j < 4; ++j) {
    words.w[j] =
        hn::OddEven(hn::BitCast(u, hn::ShiftLeft<32>(odd.w[j])), hn::BitCast(u, even.w[j]));
  }
  return words;
}
#endif

/// float(w + add) with one rounding, without the overflow of w + add.
HWY_INLINE V to_float(VU w, int add) {
  const VI high = hn::BitCast(I(), hn::ShiftRight<16>(w)),
           low = hn::BitCast(I(), hn::And(w, hn::Set(U(), 0xffffu)));
  return hn::MulAdd(hn::ConvertTo(D(), high), set(65536.0f),
                    hn::ConvertTo(D(), hn::Add(low, set_int(add))));
}

/// sqrt(-2 ln u) with u = (w + 1) 2^-32, relative error a few 2^-24 for every w.
HWY_INLINE V radius(VU w) {
  const V two32 = set(0x1p-32f);
  const V x = hn::Mul(to_float(w, 1), two32);
  const VI k = log_exponent(x);
  // Near u = 1 rounding u would lose ln u: there f = u - 1 = -(~w) 2^-32, from the exact integer.
  const V gap = hn::Mul(to_float(hn::Not(w), 0), two32);
  const V far = hn::Sub(log_mantissa(x, k), set(1.0f));
  const auto near = hn::RebindMask(D(), hn::Eq(k, hn::Zero(I())));
  const V ln = log_of_parts(k, hn::IfThenElse(near, hn::Neg(gap), far));
  return hn::Sqrt(hn::Mul(set(-2.0f), ln));
}

/// The sine and cosine of w 2^-32 turns: quadrant and rest are cut from the integer, so nothing is
/// lost.
HWY_INLINE void sin_cos_of_turns(VU w, V* sine, V* cosine) {
  const VI quadrant = hn::BitCast(I(), hn::ShiftRight<30>(hn::Add(w, hn::Set(U(), 1u << 29))));
  // The rest in [-1/8, 1/8) turn, as an integer of 2^-34 turns.
  const V rest = hn::ConvertTo(D(), hn::BitCast(I(), hn::ShiftLeft<2>(w)));
  const V angle = hn::Mul(rest, set(3.6572952e-10f));  // 2 pi 2^-34
  V s, c;
  sin_cos_of_octant(angle, &s, &c);
  *sine = sine_in_quadrant(quadrant, s, c);
  *cosine = sine_in_quadrant(hn::Add(quadrant, set_int(1)), s, c);
}

struct Normal {
  static HWY_INLINE void store(const Words& words, float* dst) {
    V sine, cosine, values[4];
    for (int j = 0; j < 4; j += 2) {
      const V r = radius(words.w[j]);
      sin_cos_of_turns(words.w[j + 1], &sine, &cosine);
      values[j] = hn::Mul(r, cosine);
      values[j + 1] = hn::Mul(r, sine);
    }
    hn::StoreInterleaved4(values[0], values[1], values[2], values[3], D(), dst);
  }
};

struct Uniform {
  static HWY_INLINE V of_word(VU w) {
    return hn::Mul(hn::ConvertTo(D(), hn::BitCast(I(), hn::ShiftRight<8>(w))), set(0x1p-24f));
  }
  static HWY_INLINE void store(const Words& words, float* dst) {
    hn::StoreInterleaved4(of_word(words.w[0]), of_word(words.w[1]), of_word(words.w[2]),
                          of_word(words.w[3]), D(), dst);
  }
};

/// Vectors are filled across the ends of rows, so that short rows cost no more than long ones.
template <class Distribution>
HWY_INLINE void fill_rows(const NoiseKey& key, const int32_t* rows, size_t n, float* dst,
                          size_t cols) {
  constexpr size_t kStep = 4 * kBlocks;
  HWY_ALIGN uint32_t row[kBlocks], block[kBlocks];
  HWY_ALIGN float rest[kStep];
  float* to[kBlocks];
  const size_t blocks = (cols + 3) / 4, all = n * blocks;
  size_t r = 0, b = 0;  // of the next block
  for (size_t at = 0; at < all; at += kBlocks) {
    const size_t count = std::min(kBlocks, all - at);
    for (size_t k = 0; k < count; ++k) {
      row[k] = static_cast<uint32_t>(rows[r]);
      block[k] = static_cast<uint32_t>(b);
      to[k] = dst + r * cols + 4 * b;
      if (++b == blocks) b = 0, ++r;
    }
    for (size_t k = count; k < kBlocks; ++k) row[k] = block[k] = 0;
    const Words words = words_at(key, row, block);
    if (count == kBlocks && cols % 4 == 0) {
      Distribution::store(words, dst + 4 * at);
      continue;
    }
    Distribution::store(words, rest);
    for (size_t k = 0; k < count; ++k)
      std::memcpy(to[k], rest + 4 * k,
                  std::min<size_t>(4, cols - 4 * size_t{block[k]}) * sizeof(float));
  }
}

void fill_normal(const NoiseKey& key, const int32_t* rows, size_t n, float* dst, size_t cols) {
  fill_rows<Normal>(key, rows, n, dst, cols);
}

void fill_uniform(const NoiseKey& key, const int32_t* rows, size_t n, float* dst, size_t cols) {
  fill_rows<Uniform>(key, rows, n, dst, cols);
}

}  // namespace HWY_NAMESPACE
}  // namespace latent::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace latent::kernels {

HWY_EXPORT(fill_normal);
HWY_EXPORT(fill_uniform);

NoiseKey noise_key(uint64_t seed, uint64_t stream, uint32_t iteration, uint32_t step) {
  const uint64_t key = mix64(mix64(seed + 0x9E3779B97F4A7C15u) + stream);
  return {{static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)}, iteration, step};
}

void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  uint32_t key0 = key[0], key1 = key[1];
  for (int r = 0; r < kPhiloxRounds; ++r, key0 += kPhiloxWeyl[0], key1 += kPhiloxWeyl[1]) {
    const uint64_t p0 = uint64_t{kPhiloxMultiplier[0]} * c0;
    const uint64_t p1 = uint64_t{kPhiloxMultiplier[1]} * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ key0;
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ key1;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
  }
  out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

void normal_rows(const NoiseKey& key, const int32_t* rows, size_t n, float* dst, size_t cols) {
  HWY_DYNAMIC_DISPATCH(fill_normal)(key, rows, n, dst, cols);
}

void uniform_rows(const NoiseKey& key, const int32_t* rows, size_t n, float* dst, size_t cols) {
  HWY_DYNAMIC_DISPATCH(fill_uniform)(key, rows, n, dst, cols);
}

}  // namespace latent::kernels
#endif  // HWY_ONCE
