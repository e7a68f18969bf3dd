// Matrix products on row-major data: dst[m,n] = op(a) op(b), op a transposition or nothing. oneDNN
// and LIBXSMM do the work; this is the only header behind which they stand. A product is bound
// once for its shape (`bind_product`) and is cut into parts whose number and place depend on the
// shape alone, so the bits do not depend on the threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/call.h"

namespace latent::kernels {

struct ProductProblem {
  int64_t m, n, k;
  bool transpose_a = false;  // a is stored [k, m]
  bool transpose_b = false;  // b is stored [n, k]
  bool bf16 = false;         // a and b are bf16 (uint16_t); dst is float32 always
  int64_t batch = 1;         // independent products, each operand contiguous after the other

  double flops() const {
    return 2.0 * static_cast<double>(batch) * static_cast<double>(m) * static_cast<double>(n) *
           static_cast<double>(k);
  }
  std::string text() const;  // "32x100x32", m x k x n
};

/// The call that runs it by the first that accepts of the candidates libxsmm, onednn and loop, or
/// by the one called `only` (for tests; UsageError when it refuses). Operands {dst, a, b}; two
/// parts may run at the same time on two threads. k == 0 gives zeros.
std::vector<Call> bind_product(const ProductProblem& problem, std::string_view only = {});

/// dst [m, n] = a [m, k] b [k, n], all contiguous, where `transpose_a` a is stored [k, m], where
/// `add` added to dst: a piece of another kernel's part, on the thread that calls. Empty when
/// LIBXSMM has none.
using SmallProduct = std::function<void(float* dst, const float* a, const float* b)>;
SmallProduct small_product(int64_t m, int64_t n, int64_t k, bool transpose_a, bool add);

/// dst [m, n] += sum over t < count of a_t [m, k] b_t [k, n]; a_t stands from_a[t] bytes after a,
/// b_t likewise. a_t is stored [k, m]; rows stand so many floats apart. Empty when LIBXSMM has
/// none.
struct SumProblem {
  int64_t m, n, k, a_row, b_row, dst_row;
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
