// Blocks of convolutional networks as compositions of layers; see latent/nn.h.
#include <algorithm>

#include "latent/nn.h"
#include "nn/sequence.h"

namespace latent {

namespace {

Init he(int64_t fan_in, int64_t) { return he_normal(fan_in); }

/// A convolution whose bias the batch norm after it would take away again.
Expr bare_conv(const Scope& s, Expr x, int64_t channels, int64_t kernel, int64_t stride = 1) {
  return conv2d(s, x, channels, nn::square_or_line(x, kernel),
                {.stride = nn::square_or_line(x, stride), .weight = he, .bias = false});
}
Expr norm_relu(const Scope& s, Expr x) { return relu(batch_norm(s, x)); }
Expr conv_relu(const Scope& s, Expr x, int64_t channels, int64_t kernel) {
  return relu(conv2d(s, x, channels, nn::square_or_line(x, kernel), {.weight = he}));
}

Expr picture(const char* block, const Scope& s, const Arg& x) {
  if (x.expr().shape().rank() == 4) return x.expr();
  throw UsageError(
      std::string(block) + ": needs pictures [n, h, w, c], found " + x.expr().shape().text(),
      s.where());
}

}  // namespace

Expr residual_block(const Scope& s, Arg x, int64_t channels, const ResidualOptions& o) {
  At at(s.where());
  const Expr e = picture("residual_block", s, x);
  Expr y = norm_relu(s / "norm1", bare_conv(s / "conv1", e, channels, 3, o.stride));
  y = batch_norm(s / "norm2", bare_conv(s / "conv2", y, channels, 3));
  if (o.reduction != 0) y = squeeze_excitation(s / "excite", y, o.reduction);
  if (o.stride == 1 && e.dim(-1) == channels) return relu(e + y);
  const Expr shortcut = bare_conv(s / "shortcut", e, channels, 1, o.stride);
  return relu(batch_norm(s / "shortcut" / "norm", shortcut) + y);
}

Expr preactivation_block(const Scope& s, Arg x, int64_t channels, int64_t stride) {
  At at(s.where());
  const Expr e = picture("preactivation_block", s, x);
  const Expr active = norm_relu(s / "norm1", e);
  const bool same = stride == 1 && e.dim(-1) == channels;
  const Expr shortcut = same ? e : bare_conv(s / "shortcut", active, channels, 1, stride);
  const Expr y = bare_conv(s / "conv1", active, channels, 3, stride);
  return shortcut + bare_conv(s / "conv2", norm_relu(s / "norm2", y), channels, 3);
}

Expr dense_block(const Scope& s, Arg x, int64_t layers, int64_t growth) {
  At at(s.where());
  Expr e = picture("dense_block", s, x);
  for (int i = 0; i < layers; ++i) {
    const Scope layer = s / i;
    Expr y = bare_conv(layer / "conv1", norm_relu(layer / "norm1", e), 4 * growth, 1);
    y = bare_conv(layer / "conv2", norm_relu(layer / "norm2", y), growth, 3);
    e = concat({e, y}, 3);
  }
  return e;
}

Expr dense_transition(const Scope& s, Arg x, int64_t channels) {
  At at(s.where());
  Expr e = picture("dense_transition", s, x);
  e = bare_conv(s / "conv", norm_relu(s / "norm", e), channels, 1);
  // The mean of a window that hangs over the edge counts repeated pixels, not zeros.
  for (const int axis : {1, 2}) {
    if (e.dim(axis) % 2) e = concat({e, slice(e, axis, e.dim(axis) - 1, 1)}, axis);
  }
  return average_pool(e, 2, 2);
}

Expr squeeze_excitation(const Scope& s, Arg x, int64_t reduction) {
  At at(s.where());
  const Expr e = picture("squeeze_excitation", s, x);
  const int64_t n = e.dim(0), c = e.dim(-1);
  if (reduction < 1 || reduction > c) {
    throw UsageError("squeeze_excitation: a reduction of " + std::to_string(reduction) + " of " +
                         std::to_string(c) + " channels; 1 to " + std::to_string(c) + " fits",
                     s.where());
  }
  const int64_t units = c / reduction;
  const Expr z =
      relu(dense(s / "squeeze", global_average_pool(e), units, {.weight = he_normal(c)}));
  return e * reshape(sigmoid(dense(s / "excite", z, c)), {n, 1, 1, c});
}

Expr inception_block(const Scope& s, Arg x, const InceptionWidths& w) {
  At at(s.where());
  const Expr e = picture("inception_block", s, x);
  const Expr three = conv_relu(s / "reduce3", e, w.three_reduce, 1),
             five = conv_relu(s / "reduce5", e, w.five_reduce, 1),
             pooled = max_pool(e, 3, 1, {1, 1, 1, 1});
  return concat({conv_relu(s / "one", e, w.one, 1), conv_relu(s / "three", three, w.three, 3),
                 conv_relu(s / "five", five, w.five, 5), conv_relu(s / "pool", pooled, w.pool, 1)},
                3);
}

}  // namespace latent
