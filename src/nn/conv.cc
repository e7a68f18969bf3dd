// Layers of convolution: parameters named by scope, paddings and fans worked out; see latent/nn.h.
#include <algorithm>

#include "latent/nn.h"

namespace latent {

namespace {

struct Layer {
  const char* name;
  bool transposed;
  int axes;  // 2: pictures [n, h, w, c], 1: sequences [n, l, c]
};

/// Convolves x of either kind; a sequence's extents are the widths.
Expr convolve(const Layer& layer, const Scope& s, Arg x, int64_t channels, Extent kernel,
              const ConvLayerOptions& o) {
  At at(s.where().line ? s.where() : x.where());
  const Expr e = x.expr();
  const bool sequence = layer.axes == 1;
  const auto fail = [&](const std::string& what) -> void {
    throw UsageError(std::string(layer.name) + ": " + what, s.where());
  };
  if (e.shape().rank() != layer.axes + 2) {
    fail(std::string("needs x ") + (sequence ? "[n, l, c]" : "[n, h, w, c]") + ", found " +
         e.shape().text());
  }
  const int64_t inputs = e.dim(-1);
  if (channels < 1 || kernel.h < 1 || kernel.w < 1)
    fail("channels and kernel start at 1, found " + std::to_string(channels) + " and " +
         std::to_string(kernel.h) + " x " + std::to_string(kernel.w));
  if (o.groups < 1 || inputs % o.groups || channels % o.groups) {
    fail(std::to_string(inputs) + " channels in and " + std::to_string(channels) + " out in " +
         std::to_string(o.groups) + " groups; both must be a multiple of the groups");
  }
  const Extent size{sequence ? 1 : e.dim(1), e.dim(-2)};
  ConvOptions conv{.stride = o.stride, .dilation = o.dilation, .groups = o.groups};
  Extent output_padding = o.output_padding;
  if (o.padding) {
    conv.padding = *o.padding;
  } else if (layer.transposed) {
    // Of the picture that is made, the padding with which a convolution gives this one; where the
    // kernel is smaller than the stride, the rest is filled up.
    const Extent made = o.size.value_or(Extent{size.h * o.stride.h, size.w * o.stride.w});
    const auto check = [&](const char* axis, int64_t m, int64_t n, int64_t stride) {
      if (stride >= 1 && m > (n - 1) * stride && m <= n * stride) return;
      fail("from a " + std::string(axis) + " of " + std::to_string(n) + " with stride " +
           std::to_string(stride) + " to " + std::to_string(m) + "; " +
           std::to_string((n - 1) * stride + 1) + " to " + std::to_string(n * stride) + " fits");
    };
    check("height", made.h, size.h, o.stride.h);
    check("width", made.w, size.w, o.stride.w);
    conv.padding = same_padding(made, kernel, o.stride, o.dilation);
    const auto missing = [](int64_t m, int64_t n, int64_t stride, int64_t taps, int64_t dilation) {
      return std::max<int64_t>(0, m - (n - 1) * stride - (dilation * (taps - 1) + 1));
    };
    output_padding = {missing(made.h, size.h, o.stride.h, kernel.h, o.dilation.h),
                      missing(made.w, size.w, o.stride.w, kernel.w, o.dilation.w)};
  } else {
    conv.padding = same_padding(size, kernel, o.stride, o.dilation);
  }
  const int64_t taps = kernel.h * kernel.w, fan_in = taps * inputs / o.groups,
                fan_out = taps * channels / o.groups;
  const Init init = o.weight ? o.weight(fan_in, fan_out) : glorot_uniform(fan_in, fan_out);
  const int64_t from = layer.transposed ? channels / o.groups : inputs / o.groups,
                to = layer.transposed ? inputs : channels;
  const Expr weight = s.param(
      "weight", sequence ? Shape{kernel.w, from, to} : Shape{kernel.h, kernel.w, from, to}, init);
  Expr y;
  if (layer.transposed) {
    y = sequence ? conv_transpose1d(e, weight, conv, output_padding.w)
                 : conv_transpose2d(e, weight, conv, output_padding);
  } else {
    y = sequence ? conv1d(e, weight, conv) : conv2d(e, weight, conv);
  }
  return o.bias ? y + s.param("bias", {channels}, zeros()) : y;
}

}  // namespace

Expr conv2d(const Scope& s, Arg x, int64_t channels, Extent kernel, const ConvLayerOptions& o) {
  return convolve({"conv2d", false, 2}, s, x, channels, kernel, o);
}
Expr conv_transpose2d(const Scope& s, Arg x, int64_t channels, Extent kernel,
                      const ConvLayerOptions& o) {
  return convolve({"conv_transpose2d", true, 2}, s, x, channels, kernel, o);
}
Expr conv1d(const Scope& s, Arg x, int64_t channels, int64_t kernel, const ConvLayerOptions& o) {
  ConvLayerOptions line = o;
  line.stride.h = line.dilation.h = 1;
  return convolve({"conv1d", false, 1}, s, x, channels, {1, kernel}, line);
}
Expr conv_transpose1d(const Scope& s, Arg x, int64_t channels, int64_t kernel,
                      const ConvLayerOptions& o) {
  ConvLayerOptions line = o;
  line.stride.h = line.dilation.h = 1;
  return convolve({"conv_transpose1d", true, 1}, s, x, channels, {1, kernel}, line);
}

}  // namespace latent
