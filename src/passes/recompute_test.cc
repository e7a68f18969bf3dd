// What is computed again instead of kept, what is not, and that bits stay.
#include <gtest/gtest.h>

#include <algorithm>

#include "latent/latent.h"

namespace latent {
namespace {

/// Trains a net two steps with and without the pass; gives the bytes of both arenas.
std::pair<size_t, size_t> arenas(const std::function<Expr(const Scope&)>& loss) {
  size_t bytes[2];
  std::vector<Slots> slots(2);
  for (size_t k = 0; k < 2; ++k) {
    Graph g;
    minimize(g, loss(Scope(g, true)));
    Plan plan(g, slots[k],
              {.threads = 1,
               .off = k ? std::set<std::string>{"recompute"} : std::set<std::string>{},
               .verify = true});
    auto x = plan.feed("x");
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 7919 % 257) / 257 - 0.5f;
    plan.run();
    plan.run();
    bytes[k] = plan.stats().arena_bytes;
  }
  for (const auto& [name, tensor] : slots[0].tensors()) {
    const std::span<const std::byte> a = tensor.as_bytes(),
                                     b = std::as_const(slots[1]).at(name).as_bytes();
    EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end())) << name;
  }
  return {bytes[0], bytes[1]};
}

TEST(Recompute, DeviationsOfBatchNormAreNotKept) {
  const auto [with, without] = arenas([](const Scope& s) {
    Expr h = s.feed("x", {8, 16, 16, 8});
    for (int i = 0; i < 3; ++i)
      h = relu(batch_norm(s / "norm" / i, conv2d(s / "conv" / i, h, 8, 3, {.bias = false})));
    return mean(square(h));
  });
  const size_t picture = size_t{8} * 16 * 16 * 8 * 4;
  EXPECT_LE(with + picture, without);
}

TEST(Recompute, WhatIsInMemoryAnywayIsRead) {
  const auto [with, without] = arenas([](const Scope& s) {
    const Expr x = s.feed("x", {256, 128});
    return mean(square(dense(s / 1, relu(dense(s / 0, x, 128)), 128) - x));
  });
  EXPECT_EQ(with, without);
}

}  // namespace
}  // namespace latent
