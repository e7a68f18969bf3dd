// Matrix products on row-major data: dst[m,n] = op(a) op(b), op a transposition or nothing. oneDNN
// and LIBXSMM do the work; this is the only header behind which they stand. A product is prepared
// once for its shape (`make_product`) and is cut into parts whose number and place depend on the
// shape alone, so the bits do not depend on the threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace latent::kernels {

struct ProductProblem {
  int64_t m, n, k;
  bool transpose_a = false;  // a is stored [k, m]
  bool transpose_b = false;  // b is stored [n, k]
  bool bf16 = false;         // a and b are bf16 (uint16_t); dst is float32 always
  int64_t batch = 1;         // independent products, each operand contiguous after the other
};

/// A product ready to run. Part p writes its own piece of dst; two parts may run at the same time
/// on two threads.
struct Product {
  std::string name;  // "libxsmm 32x100x32", "onednn brgemm:avx512_core 128x400x784 in 4 columns"
  std::vector<std::string>
      refused;  // "libxsmm: more than 1 Mflop", for the candidates before the one taken
  int parts = 1;
  size_t scratch_bytes =
      0;  // of the whole call; aligned to 64 by the caller; parts use disjoint pieces
  std::function<void(int part, void* dst, const void* a, const void* b, std::byte* scratch)> run;
};

/// Walks the ordered candidates {libxsmm, onednn, loop} and prepares the first that accepts. k == 0
/// gives zeros.
Product make_product(const ProductProblem& problem);

/// The candidates' names, for `explain` and tests; `only` in make_product_with restricts to one
/// (throws if it refuses).
std::vector<std::string> product_candidates();
Product make_product_with(const ProductProblem& problem, const std::string& only);

/// dst [m, n] = a [m, k] b [k, n], all contiguous, where `transpose_a` a is stored [k, m], where
/// `add` added to dst: a piece of another kernel's part, on the thread that calls. Empty when
/// LIBXSMM has none.
using SmallProduct = std::function<void(float* dst, const float* a, const float* b)>;
SmallProduct small_product(int64_t m, int64_t n, int64_t k, bool transpose_a, bool add);

/// dst [m, n] += sum over t < count of a_t [m, k] b_t [k, n]; a_t stands from_a[t] bytes after a,
/// b_t likewise. Rows stand so many floats apart; where `transpose_a` a_t is stored [k, m]. Empty
/// when LIBXSMM has none.
struct SumProblem {
  int64_t m, n, k, a_row, b_row, dst_row;
  bool transpose_a = false;
};
using SumOfProducts = std::function<void(float* dst, const float* a, const float* b, int64_t count,
                                         const uint64_t* from_a, const uint64_t* from_b)>;
SumOfProducts sum_of_products(const SumProblem& problem);

/// What bfloat16 products are on this CPU: impossible (they run in float32), slower than float32
/// (emulated, or AVX-512 BF16 at half rate on Intel without AMX), or faster.
enum class Bf16 : uint8_t { none, slower, faster };
Bf16 bf16_products();

/// Must be called on every thread before it prepares or runs a product (oneDNN's thread count is
/// per thread).
void pin_library_threads();

}  // namespace latent::kernels
