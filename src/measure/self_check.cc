// See self_check.h.
#include "measure/self_check.h"

#include <algorithm>
#include <cstdint>

#include "latent/ops.h"
#include "latent/plan.h"

namespace latent::measure {

namespace {

/// a b of [m, k] and [k, n].
std::vector<float> product(const std::vector<float>& a, const std::vector<float>& b, int64_t m,
                           int64_t k, int64_t n, int threads) {
  Graph g;
  g.fetch("c", matmul(g.feed("a", {m, k}), g.feed("b", {k, n})));
  Slots slots;
  Plan plan(g, slots, {.threads = threads});
  std::ranges::copy(a, plan.feed("a").begin());
  std::ranges::copy(b, plan.feed("b").begin());
  plan.run();
  const auto c = plan.fetch("c");
  return {c.begin(), c.end()};
}

/// Values of a fixed pattern, whole numbers from -3 to 3, times `unit`.
std::vector<float> pattern(int64_t count, int64_t turn, float unit) {
  std::vector<float> v;
  for (int64_t i = 0; i < count; ++i)
    v.push_back(static_cast<float>((i * i + turn * i) % 7 - 3) * unit);
  return v;
}

bool exact(int64_t m, int64_t k, int64_t n) {
  const std::vector<float> a = pattern(m * k, 1, 1), b = pattern(k * n, 3, 1),
                           c = product(a, b, m, k, n, 1);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      int64_t sum = 0;
      for (int64_t l = 0; l < k; ++l)
        sum += static_cast<int64_t>(a[static_cast<size_t>(i * k + l)]) *
               static_cast<int64_t>(b[static_cast<size_t>(l * n + j)]);
      if (c[static_cast<size_t>(i * n + j)] != static_cast<float>(sum)) return false;
    }
  }
  return true;
}

}  // namespace

std::vector<Check> self_check() {
  constexpr int64_t kSizes[][3] = {{1, 1, 1}, {5, 7, 3}, {32, 100, 32}, {128, 784, 400}};
  bool right = true, same = true;
  for (const auto& [m, k, n] : kSizes) {
    right = right && exact(m, k, n);
    const std::vector<float> a = pattern(m * k, 2, 0.1f), b = pattern(k * n, 5, 0.3f);
    same = same && product(a, b, m, k, n, 1) == product(a, b, m, k, n, 2);
  }
  return {{"products give the known answers", right},
          {"the same bits on one thread and on two", same}};
}

}  // namespace latent::measure
