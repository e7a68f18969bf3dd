// The words of a stack's text, one literal each; see stack_text.h.
#include <fmt/format.h>

#include <algorithm>

#include "nn/sequence.h"
#include "nn/stack_text.h"

namespace latent::nn {

namespace {

Init he(int64_t fan_in, int64_t) { return he_normal(fan_in); }

int64_t row_elements(Expr x) { return x.shape().elements() / std::max<int64_t>(1, x.dim(0)); }
Expr flat(Expr x) { return x.shape().rank() == 2 ? x : reshape(x, {x.dim(0), row_elements(x)}); }
Expr dense_to(const Scope& s, Expr x, int64_t units, const Around& a) {
  const Expr h = flat(x);
  return dense(s, h, units, {.weight = he_normal(h.dim(1)), .bias = !a.normalized});
}

ConvLayerOptions conv_options(const Expr& x, const Layer& l, const Around& a) {
  ConvLayerOptions o{.stride = square_or_line(x, l.option('s', 1)),
                     .dilation = square_or_line(x, l.option('d', 1)),
                     .groups = l.option('g', 1),
                     .weight = he,
                     .bias = !a.normalized};
  if (!l.size.empty()) o.size = Extent{l.size[0], l.size[1]};
  return o;
}

Expr picture(Expr x, const char* word) {
  if (x.shape().rank() == 4) return x;
  throw UsageError(
      fmt::format("{} works on pictures, but what comes here is flat, {} values; "
                  "picture HxWxC makes one",
                  word, row_elements(x)));
}

/// Each pixel repeated to `size`, of which h and w are at least those of x; what is too much is
/// cut.
Expr upsample(Expr x, const std::vector<int64_t>& size) {
  const auto factor = [](int64_t to, int64_t from) { return (to + from - 1) / from; };
  if (size[0] < x.dim(1) || size[1] < x.dim(2)) {
    throw UsageError(fmt::format("from {} x {} up to {} x {}; at least the first fits", x.dim(1),
                                 x.dim(2), size[0], size[1]));
  }
  Expr y = upsample_nearest(x, {factor(size[0], x.dim(1)), factor(size[1], x.dim(2))});
  if (y.dim(1) != size[0]) y = slice(y, 1, 0, size[0]);
  return y.dim(2) == size[1] ? y : slice(y, 2, 0, size[1]);
}

Expr pool(Expr x, int64_t window, int64_t stride) {
  const int64_t most = x.dim(1) == 1 ? x.dim(2) : std::min(x.dim(1), x.dim(2));
  if (window > most) {
    throw UsageError(
        fmt::format("a window of {} is larger than the picture {} x {}; at most {} fits", window,
                    x.dim(1), x.dim(2), most));
  }
  const Extent w = square_or_line(x, window), s = square_or_line(x, stride);
  return max_pool(x, w, s, same_padding({x.dim(1), x.dim(2)}, w, s));
}

/// z [n, d] at every place of a picture, and the places' coordinates in [-1, 1] as two channels
/// more: Watters et al. 2019 (arXiv 1901.07017).
Expr broadcast(Expr z, int64_t h, int64_t w) {
  const int64_t n = z.dim(0), d = z.dim(1);
  const auto ramp = [&](int64_t size, Shape shape) {
    const double scale = size > 1 ? 2.0 / static_cast<double>(size - 1) : 0;
    return broadcast_to(
        reshape(cast(iota(z.graph(), size), DType::f32) * scale - (size > 1 ? 1 : 0), shape),
        {n, h, w, 1});
  };
  return concat({broadcast_to(reshape(z, {n, 1, 1, d}), {n, h, w, d}), ramp(h, {1, h, 1, 1}),
                 ramp(w, {1, 1, w, 1})},
                3);
}

/// Glorot's weights, with zeros for the last `scales` of every `outputs` outputs, whose axis is the
/// last, or with `transposed` the one before it. Random ones would make some scales tiny wherever x
/// has a few large units, as behind batch norms: a loss of 1e11 to start with.
Init quiet_scales(int64_t fan_in, int64_t fan_out, int64_t outputs, int64_t scales,
                  bool transposed = false) {
  Init start = glorot_uniform(fan_in, fan_out);
  if (scales == 0) return start;
  return {"glorot uniform, scales at zero", [=](Tensor& t, uint64_t seed, uint64_t stream) {
            start.fill(t, seed, stream);
            const Shape& shape = t.shape();
            const auto inner = static_cast<size_t>(transposed ? shape[shape.rank() - 1] : 1);
            const auto each = static_cast<size_t>(outputs),
                       kept = static_cast<size_t>(outputs - scales);
            const auto weights = t.span<float>();
            for (size_t i = 0; i < weights.size(); ++i) {
              if (i / inner % each >= kept) weights[i] = 0;
            }
          }};
}

/// What a decoder ends in: exactly `a.output`, by a convolution from a picture to a picture.
Expr output(const Scope& s, Expr x, const Layer& l, const Around& a) {
  const Shape& shape = a.output;
  if (shape.rank() == 0) throw UsageError("out belongs to decoders, as their last layer");
  if (x.shape().rank() != 4 || shape.rank() != 3) {
    Shape full{x.dim(0)};
    for (const int64_t extent : shape) full.push_back(extent);
    const Expr h = flat(x);
    const Init start = quiet_scales(h.dim(1), shape.elements(), shape[shape.rank() - 1], a.scales);
    return reshape(dense(s, h, shape.elements(), {.weight = start}), full);
  }
  const int64_t stride = l.option('s', 1), kernel = l.integer(0, 3);
  if (stride == 1 && (x.dim(1) != shape[0] || x.dim(2) != shape[1])) {
    throw UsageError(
        fmt::format("the picture here is {} x {}, the rows are {} x {}; upsample {}x{} "
                    "before it, or a stride, fits",
                    x.dim(1), x.dim(2), shape[0], shape[1], shape[0], shape[1]));
  }
  const Extent window = square_or_line(x, kernel);
  ConvLayerOptions o;
  o.weight = [outputs = shape[2], scales = a.scales, stride](int64_t fan_in, int64_t fan_out) {
    return quiet_scales(fan_in, fan_out, outputs, scales, stride != 1);
  };
  if (stride == 1) return conv2d(s, x, shape[2], window, o);
  o.stride = square_or_line(x, stride);
  o.size = Extent{shape[0], shape[1]};
  return conv_transpose2d(s, x, shape[2], window, o);
}

std::string size_text(const Shape& row) { return fmt::format("{}", fmt::join(row, "x")); }
std::string place_text(const Shape& row) { return fmt::format("{}x{}", row[0], row[1]); }

/// A layer that makes rows of shape `in` of flat ones.
std::string to_row(const Shape& in) {
  return in.rank() == 3 ? "picture " + size_text(in) : fmt::format("dense {}", in[0]);
}
/// "upsample HxW; " where the size changes.
std::string grown(const Shape& in, const Shape& out) {
  const bool same = in[0] == out[0] && in[1] == out[1];
  return same ? "" : "upsample " + place_text(in) + "; ";
}

std::string mirror_of_conv(const Layer& l, const Shape& in, const Shape& out) {
  Layer m = l;
  m.numbers[0] = static_cast<double>(in[2]);
  const bool strided = in[0] != out[0] || in[1] != out[1];
  m.word = strided ? "deconv" : "conv";
  if (!strided) m.options.erase('s');
  if (strided) m.size = {in[0], in[1]};
  return m.text();
}
std::string mirror_of_deconv(const Layer& l, const Shape& in, const Shape&) {
  Layer m = l;
  m.word = "conv";
  m.numbers[0] = static_cast<double>(in[2]);
  m.size.clear();
  return m.text();
}

Word activation(const std::string& name) {
  return {.name = name,
          .pointwise = true,
          .apply = [](const Scope&, Expr x, const Layer& l, const Around&) {
            return activate(l.word, x);
          }};
}

std::vector<Word> table() {
  using S = const Scope&;
  using L = const Layer&;
  using A = const Around&;
  using Row = const Shape&;
  std::vector<Word> t = {
      {.name = "conv",
       .form = "CHANNELS KERNEL [sSTRIDE] [dDILATION] [gGROUPS]",
       .least = 2,
       .most = 2,
       .options = "sdg",
       .apply =
           [](S s, Expr x, L l, A a) {
             const Expr in = picture(x, "conv");
             return conv2d(s, in, l.integer(0), square_or_line(in, l.integer(1)),
                           conv_options(in, l, a));
           },
       .mirror = mirror_of_conv},
      {.name = "deconv",
       .form = "CHANNELS KERNEL [sSTRIDE] [dDILATION] [gGROUPS] [HxW]",
       .least = 2,
       .most = 2,
       .options = "sdg",
       .size_axes = 2,
       .apply =
           [](S s, Expr x, L l, A a) {
             const Expr in = picture(x, "deconv");
             return conv_transpose2d(s, in, l.integer(0), square_or_line(in, l.integer(1)),
                                     conv_options(in, l, a));
           },
       .mirror = mirror_of_deconv},
      {.name = "dense",
       .form = "UNITS",
       .least = 1,
       .most = 1,
       .apply = [](S s, Expr x, L l, A a) { return dense_to(s, x, l.integer(0), a); },
       .mirror = [](L, Row in, Row) { return to_row(in); }},
      {.name = "picture",
       .form = "HxWxC",
       .size_axes = 3,
       .size_needed = true,
       .apply =
           [](S s, Expr x, L l, A a) {
             return reshape(dense_to(s, x, l.size[0] * l.size[1] * l.size[2], a),
                            {x.dim(0), l.size[0], l.size[1], l.size[2]});
           },
       .mirror = [](L, Row in, Row) { return to_row(in); }},
      {.name = "broadcast",
       .form = "HxW",
       .size_axes = 2,
       .size_needed = true,
       .apply = [](S, Expr x, L l, A) { return broadcast(flat(x), l.size[0], l.size[1]); },
       .mirror = [](L, Row in, Row) { return "global; " + to_row(in); }},
      {.name = "bn",
       .pointwise = true,
       .apply = [](S s, Expr x, L, A) { return batch_norm(s, x); }},
      {.name = "gn",
       .form = "GROUPS",
       .least = 1,
       .most = 1,
       .pointwise = true,
       .apply = [](S s, Expr x, L l, A) { return group_norm(s, x, l.integer(0)); }},
      {.name = "leaky_relu",
       .form = "[SLOPE]",
       .most = 1,
       .fractions = true,
       .pointwise = true,
       .apply = [](S, Expr x, L l,
                   A) { return leaky_relu(x, l.numbers.empty() ? 0.01 : l.numbers[0]); }},
      {.name = "dropout",
       .form = "RATE",
       .least = 1,
       .most = 1,
       .fractions = true,
       .pointwise = true,
       .apply = [](S s, Expr x, L l, A) { return dropout(s, x, l.numbers[0]); }},
      {.name = "se",
       .form = "[rREDUCTION]",
       .options = "r",
       .pointwise = true,
       .apply = [](S s, Expr x, L l, A) { return squeeze_excitation(s, x, l.option('r', 16)); }},
      {.name = "pool",
       .form = "[WINDOW [STRIDE]]",
       .most = 2,
       .apply =
           [](S, Expr x, L l, A) {
             const int64_t window = l.integer(0, 2);
             return pool(picture(x, "pool"), window, l.integer(1, window));
           },
       .mirror =
           [](L, Row in, Row out) {
             const std::string up = grown(in, out);
             return up.empty() ? "" : up.substr(0, up.size() - 2);
           }},
      {.name = "global",
       .apply = [](S, Expr x, L, A) { return global_average_pool(picture(x, "global")); },
       .mirror = [](L, Row in, Row) { return to_row(in); }},
      {.name = "upsample",
       .form = "HxW",
       .size_axes = 2,
       .size_needed = true,
       .apply = [](S, Expr x, L l, A) { return upsample(picture(x, "upsample"), l.size); }},
      {.name = "res",
       .form = "CHANNELS [sSTRIDE] [rREDUCTION]",
       .least = 1,
       .most = 1,
       .options = "sr",
       .apply =
           [](S s, Expr x, L l, A) {
             return residual_block(s, x, l.integer(0),
                                   {.stride = l.option('s', 1), .reduction = l.option('r', 0)});
           },
       .mirror =
           [](L l, Row in, Row out) {
             const int64_t r = std::min(l.option('r', 0), in[2]);
             return grown(in, out) + fmt::format("res {}", in[2]) +
                    (r ? fmt::format(" r{}", r) : "");
           }},
      {.name = "preact",
       .form = "CHANNELS [sSTRIDE]",
       .least = 1,
       .most = 1,
       .options = "s",
       .apply = [](S s, Expr x, L l,
                   A) { return preactivation_block(s, x, l.integer(0), l.option('s', 1)); },
       .mirror = [](L, Row in,
                    Row out) { return grown(in, out) + fmt::format("preact {}", in[2]); }},
      {.name = "denseblock",
       .form = "LAYERS GROWTH",
       .least = 2,
       .most = 2,
       .apply = [](S s, Expr x, L l, A) { return dense_block(s, x, l.integer(0), l.integer(1)); },
       .mirror = [](L l, Row in, Row) { return l.text() + fmt::format("; conv {} 1", in[2]); }},
      {.name = "transition",
       .form = "[CHANNELS]",
       .most = 1,
       .apply =
           [](S s, Expr x, L l, A) {
             return dense_transition(
                 s, x, l.integer(0, std::max<int64_t>(1, picture(x, "transition").dim(-1) / 2)));
           },
       .mirror = [](L, Row in,
                    Row out) { return grown(in, out) + fmt::format("conv {} 1", in[2]); }},
      {.name = "inception",
       .form = "ONE THREE_REDUCE THREE FIVE_REDUCE FIVE POOL",
       .least = 6,
       .most = 6,
       .apply =
           [](S s, Expr x, L l, A) {
             return inception_block(s, x,
                                    {l.integer(0), l.integer(1), l.integer(2), l.integer(3),
                                     l.integer(4), l.integer(5)});
           },
       .mirror = [](L l, Row in,
                    Row) { return l.text() + fmt::format("; conv {} 1; relu", in[2]); }},
      {.name = "out",
       .form = "[KERNEL] [sSTRIDE]",
       .most = 1,
       .options = "s",
       .apply = [](S s, Expr x, L l, A a) { return output(s, x, l, a); }},
  };
  for (const char* name : {"relu", "elu", "gelu", "silu", "softplus", "tanh", "sigmoid"})
    t.push_back(activation(name));
  return t;
}

}  // namespace

const std::vector<Word>& words() {
  static const std::vector<Word> all = table();
  return all;
}

}  // namespace latent::nn
