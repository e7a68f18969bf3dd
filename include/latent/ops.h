// The operations of the graph. Each adds one node (or a few); operands may be numbers. Elementwise
// operations of two or three operands broadcast as NumPy does. A UsageError names the user's line
// when shapes or types do not fit. Rules and gradients: the entries of src/ops.
#pragma once

#include <utility>

#include "latent/graph.h"

namespace latent {

/// Axes to reduce: none given means all; negative axes count from the last.
using Axes = std::vector<int>;

// Elementwise, one operand. float32.
LATENT_API Expr neg(Arg x);
LATENT_API Expr abs(Arg x);
LATENT_API Expr sign(Arg x);
LATENT_API Expr exp(Arg x);
LATENT_API Expr log(Arg x);
LATENT_API Expr log1p(Arg x);
LATENT_API Expr expm1(Arg x);
LATENT_API Expr sqrt(Arg x);
LATENT_API Expr reciprocal(Arg x);
LATENT_API Expr rsqrt(Arg x);  ///< 1 / sqrt(x).
LATENT_API Expr square(Arg x);
LATENT_API Expr tanh(Arg x);
LATENT_API Expr sigmoid(Arg x);
LATENT_API Expr softplus(Arg x);  ///< log(1 + e^x), exact for large |x|.
LATENT_API Expr relu(Arg x);
LATENT_API Expr erf(Arg x);
LATENT_API Expr lgamma(Arg x);   ///< ln Gamma(x) for x >= 0; NaN below.
LATENT_API Expr digamma(Arg x);  ///< The derivative of lgamma, for x >= 0; NaN below.
LATENT_API Expr sin(Arg x);
LATENT_API Expr cos(Arg x);
LATENT_API Expr floor(Arg x);
LATENT_API Expr step(Arg x);  ///< 1 where x > 0, else 0.

// Elementwise, two or three operands, broadcasting.
LATENT_API Expr add(Arg a, Arg b);
LATENT_API Expr sub(Arg a, Arg b);
LATENT_API Expr mul(Arg a, Arg b);
LATENT_API Expr div(Arg a, Arg b);
LATENT_API Expr pow(Arg a, Arg b);
LATENT_API Expr max(Arg a, Arg b);
LATENT_API Expr min(Arg a, Arg b);
LATENT_API Expr greater(Arg a, Arg b);                          ///< 1 where a > b, else 0.
LATENT_API Expr greater_equal(Arg a, Arg b);                    ///< 1 where a >= b, else 0.
LATENT_API Expr equal(Arg a, Arg b);                            ///< 1 where a == b, else 0.
LATENT_API Expr where(Arg condition, Arg then, Arg otherwise);  ///< `then` where condition != 0.
inline Expr operator+(Arg a, Arg b) { return add(a, b); }
inline Expr operator-(Arg a, Arg b) { return sub(a, b); }
inline Expr operator*(Arg a, Arg b) { return mul(a, b); }
inline Expr operator/(Arg a, Arg b) { return div(a, b); }
inline Expr operator-(Arg a) { return neg(a); }

/// Conversion; f32 to i32 truncates toward zero. A gradient flows through f32 <-> bf16 only.
LATENT_API Expr cast(Arg x, DType dtype);
/// x forward; multiplies the gradient by w (a number or an Expr that broadcasts to x): 0 stops it,
/// -1 reverses it.
LATENT_API Expr scale_gradient(Arg x, Arg w);
inline Expr stop_gradient(Arg x) { return scale_gradient(x, 0); }

// Reductions. Sums are in the fixed order of kernels/reduce.h.
LATENT_API Expr sum(Arg x, const Axes& axes = {}, bool keep = false);
LATENT_API Expr mean(Arg x, const Axes& axes = {}, bool keep = false);
LATENT_API Expr max_over(Arg x, const Axes& axes = {}, bool keep = false);
LATENT_API Expr argmax(Arg x);  ///< Over the last axis; i32; the first of equals.
LATENT_API Expr argmin(Arg x);
LATENT_API Expr logsumexp(Arg x, int axis = -1, bool keep = false);
LATENT_API Expr softmax(Arg x, int axis = -1);
LATENT_API Expr log_softmax(Arg x, int axis = -1);

// Shapes.
LATENT_API Expr reshape(Arg x, Shape shape);
LATENT_API Expr broadcast_to(Arg x, Shape shape);
LATENT_API Expr
transpose(Arg x, std::vector<int> order = {});  ///< Reverses the axes when no order is given.
LATENT_API Expr slice(Arg x, int axis, int64_t begin, int64_t size);
LATENT_API Expr concat(const std::vector<Expr>& parts, int axis);
LATENT_API Expr pad(Arg x, int axis, int64_t before, int64_t after);  ///< With zeros.
LATENT_API std::vector<Expr> split(Arg x, int parts, int axis = -1);

/// [.., m, k] x [.., k, n] -> [.., m, n]; batched over equal leading axes. Transposed operands are
/// read in place.
LATENT_API Expr matmul(Arg a, Arg b, bool transpose_a = false, bool transpose_b = false);

// Pictures are channels-last, [n, h, w, c]; a sequence [n, l, c] is a picture of height 1.

/// Height and width; one number stands for both.
struct Extent {
  int64_t h = 1, w = 1;
  Extent(int64_t both = 1) : h(both), w(both) {}
  Extent(int64_t height, int64_t width) : h(height), w(width) {}
};
/// Rows and columns of zeros added on each side of a picture; none is "valid" padding.
struct Padding {
  int64_t top = 0, bottom = 0, left = 0, right = 0;
};
struct ConvOptions {
  Extent stride = 1;
  Padding padding = {};
  Extent dilation = 1;  // distance of neighbouring taps; 1: they touch
  int64_t groups = 1;   // channels fall into groups that do not mix; as many as channels: depthwise
};
/// Zeros with which a window gives ceil(size / stride) results an axis; the odd one comes after, as
/// in TensorFlow. PyTorch's symmetric padding of an odd kernel k is Padding{p, p, p, p}, p = k / 2.
LATENT_API Padding same_padding(Extent size, Extent kernel, Extent stride = 1, Extent dilation = 1);

/// x [n, h, w, cin], weights [kh, kw, cin / groups, cout] -> [n, oh, ow, cout], where
/// oh = floor((h + top + bottom - (dilation.h (kh - 1) + 1)) / stride.h) + 1. Cross-correlation:
/// the kernel is not mirrored.
LATENT_API Expr conv2d(Arg x, Arg weights, const ConvOptions& options = {});
/// The adjoint of conv2d to its picture, also called deconvolution: y [n, oh, ow, cin], weights
/// [kh, kw, cout / groups, cin] -> [n, h, w, cout], where h = (oh - 1) stride.h + dilation.h
/// (kh - 1) + 1 - top - bottom + output_padding.h; output_padding is below the stride.
LATENT_API Expr conv_transpose2d(Arg y, Arg weights, const ConvOptions& options = {},
                                 Extent output_padding = 0);
/// The same along one axis: x [n, l, cin], weights [k, cin / groups, cout] -> [n, ol, cout]. Of
/// each option the width counts.
LATENT_API Expr conv1d(Arg x, Arg weights, const ConvOptions& options = {});
LATENT_API Expr conv_transpose1d(Arg y, Arg weights, const ConvOptions& options = {},
                                 int64_t output_padding = 0);
/// Largest value of each window of x [n, h, w, c]; padding never wins. The gradient goes to the
/// first of equals in row-major order.
LATENT_API Expr max_pool(Arg x, Extent window, Extent stride, Padding padding = {});
/// Mean of each window of x [n, h, w, c]; padding counts as zeros.
LATENT_API Expr average_pool(Arg x, Extent window, Extent stride, Padding padding = {});
/// Mean over the picture: [n, h, w, c] -> [n, c].
LATENT_API Expr global_average_pool(Arg x);
/// Each pixel repeated `factor` times along both axes: [n, h, w, c] -> [n, h factor.h, w factor.w,
/// c].
LATENT_API Expr upsample_nearest(Arg x, Extent factor);
/// Linear between the centres of pixels, the edge repeated beyond them (half-pixel centres, as
/// PyTorch's align_corners=False): [n, h, w, c] -> [n, h factor.h, w factor.w, c].
LATENT_API Expr upsample_bilinear(Arg x, Extent factor);
/// [n, h, w, factor^2 c] -> [n, h factor, w factor, c] (Shi et al. 2016, arXiv 1609.05158). Channel
/// (i factor + j) c + k goes to row i, column j of its block, as TensorFlow's depth_to_space.
LATENT_API Expr pixel_shuffle(Arg x, int64_t factor);

// Indexes (i32).
LATENT_API Expr iota(Graph& g, int64_t n, Where where = Where::here());  ///< 0, 1, .. n-1
/// Rows of x [n, ...] by index [m] -> [m, ...]. An index out of range reads the nearest row.
LATENT_API Expr gather(Arg x, Arg index);
/// Zeros [rows, ...] plus values [m, ...] added at rows index [m], in order of m; out of range goes
/// to the nearest row.
LATENT_API Expr scatter_add(Arg index, Arg values, int64_t rows);
/// For each row i of x [n, c]: x[i, index[i]] -> [n].
LATENT_API Expr pick(Arg x, Arg index);
/// x with x[.., at, ..] on `axis` replaced by value (x without that axis); `at` is an i32 scalar.
LATENT_API Expr dynamic_update(Arg x, Arg at, Arg value, int axis = 0);
/// x[at] on axis 0, at an i32 scalar.
LATENT_API Expr dynamic_slice(Arg x, Arg at);
/// 1 where the class is index[i], else 0: [n] -> [n, classes].
LATENT_API Expr one_hot(Arg index, int64_t classes);

// Noise. Rows are numbered by the feed "row" (i32 [n]), declared on first use; a plan fills it with
// 0, 1, .. n-1 unless it is fed. Different scopes give independent noise; the same scope asked
// twice gives two independent draws.
LATENT_API Expr normal(const Scope& s, Shape shape, Where where = Where::here());
LATENT_API Expr uniform(const Scope& s, Shape shape, Where where = Where::here());

/// What a scan returns: the last values of the carried tensors and the outputs stacked on a new
/// first axis.
struct ScanResult {
  std::vector<Expr> carries, outputs;
};
/// What a scan's body gets and gives for one iteration.
struct ScanStep {
  std::vector<Expr> carries;  // same shapes as `init`
  std::vector<Expr> inputs;   // slices of `inputs` without their first axis
  Expr iteration;             // i32 scalar, 0, 1, ..
};
struct ScanYield {
  std::vector<Expr> carries, outputs;
};
/// Runs `body` `length` times. Exprs of the enclosing graph may be used inside. Differentiable
/// once.
LATENT_API ScanResult scan(Graph& g, int64_t length, const std::vector<Expr>& init,
                           const std::vector<Expr>& inputs,
                           const std::function<ScanYield(const ScanStep&)>& body,
                           Where where = Where::here());

/// dy/dx for each x: y is a scalar. The result is graph code and can be differentiated again.
LATENT_API std::vector<Expr> grad(Arg y, const std::vector<Expr>& xs);

}  // namespace latent
