// Layers, activations and initializers: compositions of ops that name their parameters by scope.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "latent/graph.h"

namespace latent {

// Initializers of a weight with the given numbers of inputs and outputs.
LATENT_API Init glorot_uniform(
    int64_t fan_in, int64_t fan_out);  ///< Glorot and Bengio 2010: +-sqrt(6 / (in + out)).
LATENT_API Init glorot_normal(int64_t fan_in, int64_t fan_out);
LATENT_API Init he_uniform(int64_t fan_in);  ///< He et al. 2015: +-sqrt(6 / in).
LATENT_API Init he_normal(int64_t fan_in);
LATENT_API Init lecun_uniform(int64_t fan_in);  ///< +-sqrt(3 / in).
LATENT_API Init lecun_normal(int64_t fan_in);
LATENT_API Init orthogonal(
    double gain = 1);  ///< Saxe et al. 2014; matrices only: orthonormal rows or columns, the fewer.

struct DenseOptions {
  std::optional<Init> weight;  // default: glorot_uniform
  bool bias = true;            // starts at zero
};
/// x [n, in] -> x weight + bias [n, units]; parameters path/weight [in, units] and path/bias
/// [units].
LATENT_API Expr dense(const Scope& s, Arg x, int64_t units, const DenseOptions& options = {});
/// dense(a, x, units) and dense(b, x, units), computed as one product of twice the width.
LATENT_API std::pair<Expr, Expr> dense_pair(const Scope& a, const Scope& b, Arg x, int64_t units);

// Activations beside those of latent/ops.h (relu, tanh, sigmoid, softplus, softmax).
LATENT_API Expr leaky_relu(Arg x, double slope = 0.01);
LATENT_API Expr elu(Arg x, double alpha = 1);
LATENT_API Expr gelu(Arg x);  ///< x Phi(x), exact (Hendrycks and Gimpel 2016).
LATENT_API Expr silu(Arg x);  ///< x sigmoid(x).
/// By name: none, relu, leaky_relu, elu, gelu, silu, softplus, tanh, sigmoid, softmax. UsageError
/// suggests the near miss.
LATENT_API Expr activate(const std::string& name, Arg x);

/// In training, zeroes each element with probability rate and divides the others by 1 - rate;
/// otherwise x.
LATENT_API Expr dropout(const Scope& s, Arg x, double rate);

}  // namespace latent
