// What the steps written by hand share: small products by LIBXSMM, loops that the compiler
// vectorizes for each instruction set, Glorot weights, Adam. These programs are the limit that the
// engine is measured against: no graph, no planning, every buffer and every call in its place.
// Sums are in an order fixed by the shapes: 16 lanes folded by halves, or rows one after another.
#pragma once

#include <libxsmm.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>

#include "base/denormals.h"
#include "workload.h"

/// A function compiled for AVX-512, AVX2 and baseline and chosen when the program starts; what it
/// calls must be always_inline to be compiled with it.
#define HAND_LOOPS __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define HAND_INLINE inline __attribute__((always_inline))

namespace hand {

/// Fills in the program's one workload and refuses what it has not got.
inline void check(bench::Options& o, const std::string& workload, int most_threads) {
  if (o.workload.empty()) o.workload = workload;
  if (o.workload != workload)
    throw std::invalid_argument("this program is " + workload + ", asked for " + o.workload);
  if (o.bf16) throw std::invalid_argument("this step is written out in float32 only");
  if (o.threads > most_threads) {
    throw std::invalid_argument(workload + " is written out for " + std::to_string(most_threads) +
                                " threads at most, asked for " + std::to_string(o.threads));
  }
}

using Floats = std::unique_ptr<float[], decltype(&std::free)>;

/// n zeros at a multiple of 64 bytes.
inline Floats zeros(size_t n) {
  const size_t bytes = (n * sizeof(float) + 63) / 64 * 64;
  auto* p = static_cast<float*>(std::aligned_alloc(64, bytes));
  if (!p) throw std::bad_alloc();
  std::memset(p, 0, bytes);
  return {p, &std::free};
}

/// Uniform in +-sqrt(6 / (in + out)), row-major [in, columns] with row stride `stride`.
inline void glorot(std::mt19937_64& random, float* w, int in, int out, int stride) {
  const double bound = std::sqrt(6.0 / (in + out));
  std::uniform_real_distribution<float> draw(static_cast<float>(-bound), static_cast<float>(bound));
  for (int i = 0; i < in; ++i) {
    for (int j = 0; j < out; ++j) w[i * stride + j] = draw(random);
  }
}

/// c [m, n] = a b, row-major, a [m, k] or, transposed, [k, m]. LIBXSMM is column-major: its first
/// operand is our b.
class Product {
 public:
  Product(int m, int n, int k, bool transpose_a = false) {
    const libxsmm_blasint lda = n, ldb = transpose_a ? m : k, ldc = n;
    const float alpha = 1, beta = 0;
    const int flags = transpose_a ? LIBXSMM_GEMM_FLAG_TRANS_B : LIBXSMM_GEMM_FLAG_NONE;
    kernel_ = libxsmm_smmdispatch(n, m, k, &lda, &ldb, &ldc, &alpha, &beta, &flags, nullptr);
    if (!kernel_) throw std::runtime_error("LIBXSMM has no kernel for this CPU");
  }
  void operator()(float* c, const float* a, const float* b) const { kernel_(b, a, c); }

 private:
  libxsmm_smmfunction kernel_;
};

/// to [cols, rows] = from [rows, cols]; both multiples of 4. Blocks of 4 x 4.
inline void transpose(float* to, const float* from, int rows, int cols) {
  typedef float V __attribute__((vector_size(16), aligned(4), may_alias));
  for (int r = 0; r < rows; r += 4) {
    for (int c = 0; c < cols; c += 4) {
      const auto load = [&](int i) {
        return *reinterpret_cast<const V*>(from + (r + i) * cols + c);
      };
      const V a = load(0), b = load(1), d = load(2), e = load(3);
      const V ad_low = __builtin_shufflevector(a, d, 0, 4, 1, 5);
      const V ad_high = __builtin_shufflevector(a, d, 2, 6, 3, 7);
      const V be_low = __builtin_shufflevector(b, e, 0, 4, 1, 5);
      const V be_high = __builtin_shufflevector(b, e, 2, 6, 3, 7);
      const auto store = [&](int i, V v) { *reinterpret_cast<V*>(to + (c + i) * rows + r) = v; };
      store(0, __builtin_shufflevector(ad_low, be_low, 0, 4, 1, 5));
      store(1, __builtin_shufflevector(ad_low, be_low, 2, 6, 3, 7));
      store(2, __builtin_shufflevector(ad_high, be_high, 0, 4, 1, 5));
      store(3, __builtin_shufflevector(ad_high, be_high, 2, 6, 3, 7));
    }
  }
}

HAND_INLINE double fold(const float (&lanes)[16]) {
  float s[8];
  for (int i = 0; i < 8; ++i) s[i] = lanes[i] + lanes[i + 8];
  for (int half = 4; half; half /= 2) {
    for (int i = 0; i < half; ++i) s[i] += s[i + half];
  }
  return static_cast<double>(s[0]);
}

/// y [rows, cols], rows `stride` apart, becomes relu(y + bias).
HAND_LOOPS static inline void bias_relu(float* y, const float* bias, int rows, int cols,
                                        int stride) {
  for (int r = 0; r < rows; ++r, y += stride) {
    for (int c = 0; c < cols; ++c) {
      const float v = y[c] + bias[c];
      y[c] = v > 0 ? v : 0.0f;
    }
  }
}

/// dy [rows, cols] is zeroed where y = relu(..) is 0; dbias [cols] = its sum over the rows. Rows of
/// dy and y are `stride` apart.
HAND_LOOPS static inline void relu_gradient(float* dy, const float* y, float* dbias, int rows,
                                            int cols, int stride) {
  std::memset(dbias, 0, static_cast<size_t>(cols) * sizeof(float));
  for (int r = 0; r < rows; ++r, y += stride, dy += stride) {
    for (int c = 0; c < cols; ++c) {
      const float v = y[c] > 0 ? dy[c] : 0.0f;
      dy[c] = v;
      dbias[c] += v;
    }
  }
}

/// Adam (Kingma and Ba 2015): rate 1e-3, betas 0.9 and 0.999, epsilon 1e-8 beside the corrected
/// root. The corrections of step t enter as the rate and a factor of the root.
struct AdamRates {
  float rate, root;
  explicit AdamRates(int64_t t)
      : rate(static_cast<float>(1e-3 / (1 - std::pow(0.9, static_cast<double>(t))))),
        root(static_cast<float>(1 / std::sqrt(1 - std::pow(0.999, static_cast<double>(t))))) {}
};
HAND_LOOPS static inline void adam(float* __restrict w, float* __restrict m, float* __restrict v,
                                   const float* __restrict g, int64_t n, AdamRates r) {
  for (int64_t i = 0; i < n; ++i) {
    m[i] = 0.9f * m[i] + 0.1f * g[i];
    v[i] = 0.999f * v[i] + 0.001f * (g[i] * g[i]);
    w[i] -= r.rate * m[i] / (std::sqrt(v[i]) * r.root + 1e-8f);
  }
}

// Elementary functions in a form that the compiler vectorizes; relative error about 1e-7.

/// e^x for |x| <= 87: 2^k e^r by a polynomial (Cephes, expf).
HAND_INLINE float exp(float x) {
  x = x > 87 ? 87.0f : x;
  x = x < -87 ? -87.0f : x;
  const float k = (x * 1.44269504f + 12582912.0f) - 12582912.0f;  // rounds
  const float r = (x - k * 0.693359375f) + k * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const int32_t bits = (static_cast<int32_t>(k) + 127) << 23;
  float scale;
  std::memcpy(&scale, &bits, 4);
  return (p * r * r + r + 1) * scale;
}

/// ln x for normal x (Cephes, logf).
HAND_INLINE float log(float x) {
  int32_t bits;
  std::memcpy(&bits, &x, 4);
  const int32_t e = (bits - 0x3f3504f3) >> 23;  // m in [sqrt(1/2), sqrt(2))
  bits -= e << 23;
  float m;
  std::memcpy(&m, &bits, 4);
  const float f = m - 1, k = static_cast<float>(e);
  float p = 7.0376836292e-2f;
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  const float z = f * f;
  return f + (p * f * z - 0.5f * z + k * -2.12194440e-4f) + k * 0.693359375f;
}

/// A uniform in (0, 1) from a counter: a bijective mix of 32 bits (Wellons' lowbias32).
HAND_INLINE uint32_t mix(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}
HAND_INLINE float unit(uint32_t bits) {
  return (static_cast<float>(static_cast<int32_t>(bits >> 9)) + 0.5f) * 0x1p-23f;
}

/// eps [n] standard normal by Box-Muller, n even; sine and cosine by their polynomials on a quarter
/// turn around 0 (Cephes, sinf, cosf).
HAND_LOOPS static inline void normals(float* __restrict eps, int n, uint32_t stream) {
  const int half = n / 2;
  const uint32_t key = mix(stream);
  for (int i = 0; i < half; ++i) {
    const auto counter = 2 * static_cast<uint32_t>(i);
    const float radius = std::sqrt(-2 * log(unit(mix(key ^ counter))));
    const uint32_t angle = mix(key ^ (counter + 1));
    const float a = (static_cast<float>(static_cast<int32_t>(angle << 2) >> 8)) *
                    (0.78539816f / 0x1p23f);  // in [-pi/4, pi/4)
    const float z = a * a;
    const float s =
        a + a * z * (-1.6666654611e-1f + z * (8.3321608736e-3f + z * -1.9515295891e-4f));
    const float c =
        1 - 0.5f * z +
        z * z * (4.166664568298827e-2f + z * (-1.388731625493765e-3f + z * 2.443315711809948e-5f));
    const uint32_t quarter = angle >> 30;
    const float x = quarter & 1 ? s : c, y = quarter & 1 ? c : s;
    eps[i] = quarter & 2 ? -radius * x : radius * x;
    eps[i + half] = (quarter + 1) & 2 ? -radius * y : radius * y;
  }
}

// The latent stage of the VAEs. The posterior is one array [rows, 40], mu beside logvar.
constexpr int kLatent = 20, kHeads = 2 * kLatent;

/// z [rows, 20] = mu + sigma eps from the posterior, whose bias is added here; eps becomes
/// sigma eps and sigma [rows, 20] is kept for the gradient. Returns the KL divergence to the
/// standard normal, summed.
HAND_LOOPS static inline double draw(float* posterior, const float* bias, float* eps, float* sigma,
                                     float* z, int rows) {
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < kHeads; ++c) posterior[r * kHeads + c] += bias[c];
    for (int c = 0; c < kLatent; ++c)
      sigma[r * kLatent + c] = posterior[r * kHeads + kLatent + c] * 0.5f;
  }
  const int n = rows * kLatent;
  for (int i = 0; i < n; ++i) sigma[i] = exp(sigma[i]);
  for (int i = 0; i < n; ++i) eps[i] *= sigma[i];
  float sums[kLatent] = {};
  for (int r = 0; r < rows; ++r) {
    const float *mu = posterior + r * kHeads, *logvar = mu + kLatent;
    for (int c = 0; c < kLatent; ++c) {
      const int i = r * kLatent + c;
      z[i] = mu[c] + eps[i];
      sums[c] += mu[c] * mu[c] + sigma[i] * sigma[i] - 1 - logvar[c];
    }
  }
  double kl = 0;
  for (const float s : sums) kl += static_cast<double>(s);
  return 0.5 * kl;
}

/// The posterior becomes the gradient with respect to it of a loss averaged over `batch` rows,
/// with dbias [40] its sum over these rows: dmu = dz + mu / batch,
/// dlogvar = dz sigma eps / 2 + (sigma^2 - 1) / (2 batch).
HAND_LOOPS static inline void draw_gradient(float* posterior, const float* dz,
                                            const float* sigma_eps, const float* sigma,
                                            float* dbias, int rows, int batch) {
  const float each = 1.0f / static_cast<float>(batch);
  std::memset(dbias, 0, kHeads * sizeof(float));
  for (int r = 0; r < rows; ++r) {
    float *mu = posterior + r * kHeads, *logvar = mu + kLatent;
    for (int c = 0; c < kLatent; ++c) {
      const int i = r * kLatent + c;
      mu[c] = dz[i] + mu[c] * each;
      logvar[c] = 0.5f * (dz[i] * sigma_eps[i] + (sigma[i] * sigma[i] - 1) * each);
    }
    for (int c = 0; c < kHeads; ++c) dbias[c] += mu[c];
  }
}

}  // namespace hand
