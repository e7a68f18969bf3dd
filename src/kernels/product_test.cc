// Every candidate against a double loop at odd sizes and all transpositions; parts in any order
// give the same bits.
#include "kernels/product.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <thread>

#include "kernels/convert.h"
#include "latent/error.h"

namespace latent::kernels {
namespace {

struct Operands {
  std::vector<float> a, b;
  std::vector<uint16_t> a16, b16;
  explicit Operands(const ProductProblem& p)
      : a(static_cast<size_t>(p.batch * p.m * p.k)), b(static_cast<size_t>(p.batch * p.n * p.k)) {
    std::mt19937_64 random(7);
    std::normal_distribution<float> normal;
    for (float& x : a) x = normal(random);
    for (float& x : b) x = normal(random);
    if (!p.bf16) return;
    a16.resize(a.size());
    b16.resize(b.size());
    from_floats(DType::bf16, a.data(), a16.data(), a.size());
    from_floats(DType::bf16, b.data(), b16.data(), b.size());
    to_floats(DType::bf16, a16.data(), a.data(), a.size());
    to_floats(DType::bf16, b16.data(), b.data(), b.size());
  }
  const void* pa() const { return a16.empty() ? static_cast<const void*>(a.data()) : a16.data(); }
  const void* pb() const { return b16.empty() ? static_cast<const void*>(b.data()) : b16.data(); }
};

double relative_error(const ProductProblem& p, const Operands& o, const std::vector<float>& dst) {
  double error = 0, norm = 1e-30;
  for (int64_t q = 0; q < p.batch; ++q) {
    for (int64_t i = 0; i < p.m; ++i) {
      for (int64_t j = 0; j < p.n; ++j) {
        double s = 0;
        for (int64_t k = 0; k < p.k; ++k) {
          s += static_cast<double>(o.a[static_cast<size_t>(
                   q * p.m * p.k + (p.transpose_a ? k * p.m + i : i * p.k + k))]) *
               static_cast<double>(o.b[static_cast<size_t>(
                   q * p.n * p.k + (p.transpose_b ? j * p.k + k : k * p.n + j))]);
        }
        const double d = s - static_cast<double>(dst[static_cast<size_t>((q * p.m + i) * p.n + j)]);
        error += d * d;
        norm += s * s;
      }
    }
  }
  return error / norm;
}

void run(const Call& call, int part, const Operands& o, std::vector<float>& dst,
         std::byte* scratch) {
  void* operands[] = {dst.data(), const_cast<void*>(o.pa()), const_cast<void*>(o.pb())};
  call.run(part, operands, scratch, {});
}

struct Scratch {
  std::vector<std::byte> bytes;
  std::byte* at;
  explicit Scratch(size_t n) : bytes(n + 64), at(bytes.data()) {
    at += (64 - reinterpret_cast<uintptr_t>(at) % 64) % 64;
  }
};

TEST(Product, CandidatesAgreeWithTheDoubleLoop) {
  const int64_t sizes[][3] = {{1, 1, 1},      {2, 3, 5},      {17, 33, 5},    {32, 100, 32},
                              {100, 32, 32},  {5, 1, 100},    {128, 400, 20}, {128, 96, 784},
                              {70, 40, 1100}, {256, 24, 1030}};
  for (const auto& [m, n, k] : sizes) {
    for (int flags = 0; flags < 8; ++flags) {
      const ProductProblem p{m, n, k, (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0};
      const Operands o(p);
      for (const std::string name : {"libxsmm", "onednn", "loop"}) {
        Call product;
        try {
          product = bind_product(p, name)[0];
        } catch (const UsageError& e) {
          EXPECT_NE(name, "loop") << e.what();
          continue;
        }
        Scratch scratch(product.scratch_bytes);
        std::vector<float> dst(static_cast<size_t>(m * n), -7);
        for (int part = 0; part < product.parts; ++part) run(product, part, o, dst, scratch.at);
        EXPECT_LE(relative_error(p, o, dst), 1e-11) << product.kernel << " flags " << flags;
      }
    }
  }
}

TEST(Product, PartsInAnyOrderOnAnyThread) {
  const ProductProblem p{128, 400, 784, false, true};
  const Operands o(p);
  const Call product = bind_product(p)[0];
  ASSERT_GT(product.parts, 1);
  Scratch scratch(product.scratch_bytes);
  std::vector<float> forward(static_cast<size_t>(p.m * p.n)), backward = forward,
                                                              threaded = forward;
  for (int part = 0; part < product.parts; ++part) run(product, part, o, forward, scratch.at);
  for (int part = product.parts; part-- > 0;) run(product, part, o, backward, scratch.at);
  std::vector<std::thread> threads;
  for (int part = 0; part < product.parts; ++part) {
    threads.emplace_back([&, part] {
      pin_library_threads();
      run(product, part, o, threaded, scratch.at);
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(forward, backward);
  EXPECT_EQ(forward, threaded);
}

TEST(Product, EmptyAndRefused) {
  const ProductProblem p{2, 3, 0};
  const Call product = bind_product(p)[0];
  std::vector<float> dst(6, 5);
  run(product, 0, Operands(p), dst, nullptr);
  EXPECT_EQ(dst, std::vector<float>(6, 0));
  EXPECT_EQ(product.refused.size(), 2u);
  EXPECT_NE(bind_product({128, 784, 400})[0].refused[0].find("1.5 Mflop"), std::string::npos);
}

}  // namespace
}  // namespace latent::kernels
