// Layers, activations and initializers: compositions of ops that name their parameters by scope.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "latent/ops.h"

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

struct ConvLayerOptions {
  Extent stride = 1;
  /// Unset: as many zeros as give ceil(size / stride) results an axis, or size * stride where
  /// transposed ("same").
  std::optional<Padding> padding;
  Extent dilation = 1;
  int64_t groups = 1;
  Extent output_padding = 0;  // transposed layers with a padding of their own
  /// Of the picture that a transposed layer makes where `padding` is unset: any that a convolution
  /// of this stride would bring back to x. Unset: size * stride.
  std::optional<Extent> size;
  /// From the numbers of inputs an output sees and of outputs an input reaches (kernel taps times
  /// channels of a group). Default: glorot_uniform.
  std::function<Init(int64_t fan_in, int64_t fan_out)> weight;
  bool bias = true;  // starts at zero
};
/// x [n, h, w, cin] -> [n, oh, ow, channels]; parameters path/weight [kh, kw, cin / groups,
/// channels] and path/bias [channels]. Sizes: latent/ops.h.
LATENT_API Expr conv2d(const Scope& s, Arg x, int64_t channels, Extent kernel,
                       const ConvLayerOptions& options = {});
/// Its adjoint; path/weight [kh, kw, channels / groups, cin].
LATENT_API Expr conv_transpose2d(const Scope& s, Arg x, int64_t channels, Extent kernel,
                                 const ConvLayerOptions& options = {});
/// x [n, l, cin] -> [n, ol, channels]; path/weight [k, cin / groups, channels]. Of each option the
/// width counts.
LATENT_API Expr conv1d(const Scope& s, Arg x, int64_t channels, int64_t kernel,
                       const ConvLayerOptions& options = {});
LATENT_API Expr conv_transpose1d(const Scope& s, Arg x, int64_t channels, int64_t kernel,
                                 const ConvLayerOptions& options = {});

// Normalizations over x [.., c]: (x - mean) / sqrt(variance + epsilon) weight + bias, with
// parameters path/weight (ones) and path/bias (zeros), [c].
struct NormOptions {
  double epsilon = 1e-5;
  bool affine = true;  // with weight and bias
};
struct BatchNormOptions {
  double epsilon = 1e-5;
  bool affine = true;
  double momentum = 0.9;  // what the running statistics keep of themselves in a step
};
/// Ioffe and Szegedy 2015 (arXiv 1502.03167): statistics of each channel over all other axes; in
/// training those of the batch, which also move path/running_mean and path/running_variance (of the
/// unbiased variance), otherwise the running ones. Applied again in a training trace (a
/// discriminator to real rows, then to false ones) each use has the statistics of its own rows, and
/// the running ones follow the first.
LATENT_API Expr batch_norm(const Scope& s, Arg x, const BatchNormOptions& options = {});
/// Ba et al. 2016 (arXiv 1607.06450): statistics over the last axis.
LATENT_API Expr layer_norm(const Scope& s, Arg x, const NormOptions& options = {});
/// Wu and He 2018 (arXiv 1803.08494): statistics of each sample x [n, .., c] over all places and
/// the channels of a group. One group is layer norm over the whole sample.
LATENT_API Expr group_norm(const Scope& s, Arg x, int64_t groups, const NormOptions& options = {});
/// Ulyanov et al. 2016 (arXiv 1607.08022): statistics of each sample and channel over all places.
LATENT_API Expr instance_norm(const Scope& s, Arg x, const NormOptions& options = {});

// Blocks on pictures x [n, h, w, c]: compositions of the layers above, weights by He et al. 2015
// (he_normal). Convolutions that a batch norm follows have no bias. As text: latent/stack.h.
struct ResidualOptions {
  int64_t stride = 1;
  int64_t reduction = 0;  // of squeeze_excitation before the sum; 0: without
};
/// He et al. 2016 (arXiv 1512.03385), the block of two: relu(shortcut(x) + norm(conv 3(relu(norm(
/// conv 3, strided(x)))))). Shortcut B: x itself, or a normalized convolution 1 where the stride or
/// the channels change.
LATENT_API Expr residual_block(const Scope& s, Arg x, int64_t channels,
                               const ResidualOptions& options = {});
/// He et al. 2016 (arXiv 1603.05027): norm and relu before each convolution, nothing after the sum;
/// a convolution 1 of the activated x is the shortcut where the stride or the channels change.
LATENT_API Expr preactivation_block(const Scope& s, Arg x, int64_t channels, int64_t stride = 1);
/// Huang et al. 2017 (arXiv 1608.06993), DenseNet-B: each of `layers` adds `growth` channels to
/// those before: norm, relu, convolution 1 to 4 growth, norm, relu, convolution 3.
LATENT_API Expr dense_block(const Scope& s, Arg x, int64_t layers, int64_t growth);
/// Of the same paper, between blocks: norm, relu, convolution 1 to `channels` (half of x's in
/// DenseNet-C), mean of 2 x 2; of an odd size the last row or column stands alone.
LATENT_API Expr dense_transition(const Scope& s, Arg x, int64_t channels);
/// Hu et al. 2018 (arXiv 1709.01507): each channel times sigmoid(dense(relu(dense(means)))), with
/// c / reduction units between. UsageError when the reduction is above c.
LATENT_API Expr squeeze_excitation(const Scope& s, Arg x, int64_t reduction = 16);
struct InceptionWidths {
  int64_t one, three_reduce, three, five_reduce, five, pool;  // channels, as in the paper's table 1
};
/// Szegedy et al. 2015 (arXiv 1409.4842): convolutions 1, 1 then 3, 1 then 5, and a maximum of
/// 3 x 3 then 1, side by side, each followed by relu.
LATENT_API Expr inception_block(const Scope& s, Arg x, const InceptionWidths& widths);

// Activations beside those of latent/ops.h (relu, tanh, sigmoid, softplus, softmax).
LATENT_API Expr leaky_relu(Arg x, double slope = 0.01);
LATENT_API Expr elu(Arg x, double alpha = 1);
LATENT_API Expr gelu(Arg x);  ///< x Phi(x), exact (Hendrycks and Gimpel 2016).
LATENT_API Expr silu(Arg x);  ///< x sigmoid(x).
/// By name: none, relu, leaky_relu, elu, gelu, silu, softplus, tanh, sigmoid, softmax. UsageError
/// suggests the near miss.
LATENT_API Expr activate(const std::string& name, Arg x);

/// A constant 0 of this shape.
LATENT_API Expr zeros(Graph& g, Shape shape);

/// In training, zeroes each element with probability rate and divides the others by 1 - rate;
/// otherwise x.
LATENT_API Expr dropout(const Scope& s, Arg x, double rate);

}  // namespace latent
