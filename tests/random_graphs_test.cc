// Graphs made at random from elementwise ops, broadcasts, slices, reductions, products and views,
// with their gradients: fused equals unfused bit for bit, and every pass leaves what the verifier
// accepts. Finds the shapes of graph that nobody thought of.
#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "latent/latent.h"

namespace latent {
namespace {

class Maker {
 public:
  Maker(Graph& g, uint64_t seed, int64_t rows) : g_(g), s_(g, true), random_(seed), rows_(rows) {}

  void make() {
    const std::vector<Shape> shapes = {{rows_, 5}, {rows_, 5}, {5}, {rows_, 1}, {}, {rows_, 18}};
    for (size_t i = 0; i < shapes.size(); ++i)
      pool_.push_back(s_.param("p" + std::to_string(i), shapes[i], normal_init(0, 0.5)));
    const size_t parameters = pool_.size();
    for (int i = 0; i < 30; ++i) pool_.push_back(step());
    Expr loss = sum(pool_.back());
    for (int i = 0; i < 4; ++i) loss = loss + mean(square(any()));
    std::vector<Expr> wanted;  // parameters that the loss does not reach have no gradient
    for (size_t i = 0; i < parameters; ++i) loss = loss + 0.1 * mean(square(pool_[i]));
    for (size_t i = 0; i < parameters; ++i) wanted.push_back(pool_[i]);
    const std::vector<Expr> gradients = grad(loss, wanted);
    for (size_t i = 0; i < parameters; ++i) {
      g_.assign(pool_[i], pool_[i] - 0.01 * gradients[i]);
      g_.fetch("gradient:" + std::to_string(i), gradients[i]);
    }
    g_.fetch("loss", loss);
    g_.fetch("some", any());
  }

 private:
  size_t below(size_t n) { return random_() % n; }
  Expr any() { return pool_[below(pool_.size())]; }

  Expr unary(Expr x) {
    switch (below(8)) {
      case 0:
        return relu(x);
      case 1:
        return tanh(x);
      case 2:
        return sigmoid(x);
      case 3:
        return softplus(x);
      case 4:
        return exp(0.1 * tanh(x));
      case 5:
        return step_of(x);
      case 6:
        return x * 0.5 + 1;
      default:
        return square(tanh(x));
    }
  }
  static Expr step_of(Expr x) { return latent::step(x) * x; }

  Expr step() {
    const Expr x = any();
    const int rank = x.shape().rank();
    switch (below(12)) {
      case 0:
        if (rank == 2) return tanh(sum(x, {1}, below(2) != 0));
        return unary(x);
      case 1:
        if (rank == 2) return tanh(sum(x, {0}));
        return unary(x);
      case 2:
        if (rank == 2) return max_over(x, {1}, true);
        return unary(x);
      case 3: {
        const Expr y = any();
        if (rank == 2 && y.shape().rank() == 2 && x.dim(0) == y.dim(0))
          return tanh(matmul(x, y, true, false));
        return unary(x);
      }
      case 4:
        if (rank == 2) return reshape(x, {x.shape().elements()});
        return unary(x);
      case 5:
        if (rank == 2 && x.dim(1) > 3) return slice(x, 1, 1, x.dim(1) / 2);
        if (rank == 2 && x.dim(0) == rows_) return pad(slice(x, 0, 2, rows_ - 3), 0, 1, 2);
        return unary(x);
      case 6: {
        const std::vector<Expr> halves =
            rank == 2 && x.dim(1) % 2 == 0 ? split(x, 2) : std::vector<Expr>{x, x};
        return unary(halves[0]) * halves[1];
      }
      case 7: {
        const Expr y = any();
        if (rank == 2 && y.shape().rank() == 2 && x.dim(0) == y.dim(0) && x.dim(1) < 40)
          return concat({x, unary(y)}, 1);
        return unary(x);
      }
      case 8:
      case 9:
      case 10: {
        const Expr y = any();
        if (x.shape() == y.shape()) return below(2) ? x * y : x + unary(y);
        if (rank == 2 && (y.shape() == Shape{x.dim(1)} || y.shape() == Shape{x.dim(0), 1} ||
                          y.shape().rank() == 0))
          return below(2) ? x * tanh(y) : x - y;
        return unary(x);
      }
      default:
        return unary(x);
    }
  }

  Graph& g_;
  Scope s_;
  std::mt19937_64 random_;
  int64_t rows_;
  std::vector<Expr> pool_;
};

/// Everything fetched, and all slots, after two runs.
std::vector<float> results(uint64_t seed, int64_t rows, const CompileOptions& options) {
  Graph g;
  Maker(g, seed, rows).make();
  Slots slots(seed);
  Plan plan(g, slots, options);
  std::vector<float> all;
  for (int run = 0; run < 2; ++run) {
    plan.run();
    for (const char* name : {"loss", "some", "gradient:0", "gradient:3", "gradient:5"}) {
      const auto v = plan.fetch(name);
      all.insert(all.end(), v.begin(), v.end());
    }
  }
  for (const auto& [name, t] : slots.tensors())
    all.insert(all.end(), t.span<float>().begin(), t.span<float>().end());
  return all;
}

TEST(RandomGraphs, PassesKeepTheBits) {
  constexpr int64_t kMany = 4096;  // so many that chains have pieces
  for (uint64_t seed = 1; seed <= 440; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const int64_t rows = seed > 400 ? kMany : 7;
    const std::vector<float> all = results(seed, rows, {.threads = 1, .verify = true});
    for (const CompileOptions& options :
         {CompileOptions{.threads = 1, .off = {"fuse"}},
          CompileOptions{.threads = 1, .off = {"named"}},
          CompileOptions{.threads = 1, .off = {"in_place"}},
          CompileOptions{.threads = 2, .off = {"pieces"}}, CompileOptions{.threads = 3}}) {
      const std::vector<float> other = results(seed, rows, options);
      ASSERT_EQ(all.size(), other.size());
      for (size_t i = 0; i < all.size(); ++i) {
        ASSERT_EQ(std::bit_cast<uint32_t>(all[i]), std::bit_cast<uint32_t>(other[i]))
            << all[i] << " and " << other[i] << " at " << i << " without "
            << (options.off.empty() ? "one thread" : *options.off.begin());
      }
    }
  }
}

}  // namespace
}  // namespace latent
