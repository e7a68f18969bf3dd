// Initializers; see latent/nn.h. Draws are by Philox from the run's seed and the slot's name
// (latent/graph.h).
#include <cmath>
#include <vector>

#include "latent/nn.h"

namespace latent {

namespace {
Init symmetric(double bound) { return uniform_init(-bound, bound); }
double fan(int64_t n) { return static_cast<double>(n < 1 ? 1 : n); }
}  // namespace

Init glorot_uniform(int64_t fan_in, int64_t fan_out) {
  return symmetric(std::sqrt(6 / fan(fan_in + fan_out)));
}
Init glorot_normal(int64_t fan_in, int64_t fan_out) {
  return normal_init(0, std::sqrt(2 / fan(fan_in + fan_out)));
}
Init he_uniform(int64_t fan_in) { return symmetric(std::sqrt(6 / fan(fan_in))); }
Init he_normal(int64_t fan_in) { return normal_init(0, std::sqrt(2 / fan(fan_in))); }
Init lecun_uniform(int64_t fan_in) { return symmetric(std::sqrt(3 / fan(fan_in))); }
Init lecun_normal(int64_t fan_in) { return normal_init(0, std::sqrt(1 / fan(fan_in))); }

Init orthogonal(double gain) {
  return {"orthogonal", [gain](Tensor& t, uint64_t seed, uint64_t stream) {
            if (t.shape().rank() != 2)
              throw UsageError("orthogonal initializes matrices, found " + t.shape().text());
            normal_init(0, 1).fill(t, seed, stream);
            const auto rows = static_cast<size_t>(t.shape()[0]),
                       cols = static_cast<size_t>(t.shape()[1]);
            // Modified Gram-Schmidt in double on the fewer of rows and columns, twice for
            // orthogonality to rounding.
            const bool by_rows = rows <= cols;
            const size_t count = by_rows ? rows : cols, length = by_rows ? cols : rows;
            auto values = t.span<float>();
            const auto at = [&](size_t i, size_t k) -> float& {
              return by_rows ? values[i * cols + k] : values[k * cols + i];
            };
            std::vector<std::vector<double>> basis;
            for (size_t i = 0; i < count; ++i) {
              std::vector<double> v(length);
              for (size_t k = 0; k < length; ++k) v[k] = static_cast<double>(at(i, k));
              for (int pass = 0; pass < 2; ++pass) {
                for (const std::vector<double>& b : basis) {
                  double dot = 0;
                  for (size_t k = 0; k < length; ++k) dot += v[k] * b[k];
                  for (size_t k = 0; k < length; ++k) v[k] -= dot * b[k];
                }
              }
              double norm = 0;
              for (double x : v) norm += x * x;
              norm = std::sqrt(norm);
              for (size_t k = 0; k < length; ++k) {
                v[k] /= norm;
                at(i, k) = static_cast<float>(gain * v[k]);
              }
              basis.push_back(std::move(v));
            }
          }};
}

}  // namespace latent
