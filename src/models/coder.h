// Between models, which take rows [n, inputs], and stacks of layers, which take pictures: what of a
// config is an encoder and a decoder, how rows go through them, and their table of layers. A config
// here is any with inputs, latent, hidden, activation, encoder, decoder, width, depth and picture;
// without an `encoder` its layers are dense (dense_stack.h). One with `codes` and `places` has a
// vector of `latent` values at every place of its encoder's picture.
#pragma once

#include <string>
#include <vector>

#include "latent/dist.h"
#include "latent/stack.h"
#include "models/dense_stack.h"

namespace latent::models {

template <class C>
bool has_stack(const C& c) {
  return !c.encoder.empty();
}

/// One row as the stacks see it: [h, w, c], or [inputs] without a picture.
Shape row_shape(const std::vector<int64_t>& picture, int64_t inputs);

/// Dense layers of these widths, each followed by the activation, as a stack.
std::string dense_text(const std::vector<int64_t>& widths, const std::string& activation);

/// And from the code back to `out`, the last width first.
std::string dense_mirror(const std::vector<int64_t>& widths, const std::string& activation);

template <class C>
std::string encoder_text(const C& c) {
  return encoder_stack(c.encoder, c.width, c.depth, row_shape(c.picture, c.inputs));
}
/// Of a code that is a picture itself, the layer `picture` that a mirror starts with is left out.
std::string from_picture(const std::string& decoder);
template <class C>
std::string decoder_text(const C& c) {
  std::string text =
      decoder_stack(c.decoder, c.encoder, c.width, c.depth, row_shape(c.picture, c.inputs));
  if constexpr (requires { c.codes; }) return from_picture(text);
  return text;
}

/// Presets become texts, so that the config alone says all; hidden, which belongs to dense models,
/// goes. UsageError for stack keys without an encoder, and for what does not fit the rows.
template <class C>
void resolve_stacks(C& c) {
  if (!has_stack(c)) {
    if (!c.decoder.empty() || c.width != 0 || c.depth != 0)
      throw UsageError("decoder, width and depth go with an encoder; give that too");
    c.picture.clear();
    return;
  }
  if constexpr (requires { c.tied; }) {
    if (c.tied)
      throw UsageError("tied goes with dense layers; a stack's decoder has its own weights");
  }
  const std::string encoder = encoder_text(c), decoder = decoder_text(c);
  c.encoder = encoder;
  c.decoder = decoder;
  c.width = c.depth = 0;
  c.hidden.clear();
}

/// The model M with the encoder and the decoder of another one's config.
template <class M, class C>
M coder_of(const C& c) {
  M m;
  m.c.inputs = c.inputs;
  m.c.hidden = c.hidden;
  m.c.latent = c.latent;
  m.c.activation = c.activation;
  m.c.encoder = c.encoder;
  m.c.decoder = c.decoder;
  m.c.width = c.width;
  m.c.depth = c.depth;
  m.c.picture = c.picture;
  return m;
}

/// x [n, inputs] through the stack, flat: [n, m]. `beside` [n, k], where given, is joined to each
/// row: as k more channels, the same at every place, of a picture.
Expr encode_rows(const Scope& s, Expr x, const std::string& text, const Shape& row,
                 Expr beside = {});
/// z [n, latent], or a picture, through the stack to the likelihood's parameters: [n,
/// params_per_value inputs], all first ones, then all second ones.
Expr decode_rows(const Scope& s, Expr z, const std::string& text, const Shape& row,
                 const Likelihood& likelihood);

/// Rows joined with `beside` where that is given.
inline Expr joined(Expr rows, Expr beside) {
  return beside.valid() ? concat({rows, beside}, 1) : rows;
}

/// The same through a config's layers, dense or a stack: [n, m], of which a code is made.
template <class C>
Expr encode_rows(const Scope& s, const C& c, Expr x, Expr beside = {}) {
  if (!has_stack(c)) return dense_stack(s, joined(x, beside), c.hidden, c.activation);
  return encode_rows(s, x, encoder_text(c), row_shape(c.picture, c.inputs), beside);
}
template <class C>
Expr decode_rows(const Scope& s, const C& c, Expr z, const Likelihood& likelihood) {
  if (has_stack(c))
    return decode_rows(s, z, decoder_text(c), row_shape(c.picture, c.inputs), likelihood);
  const Expr h = dense_stack(s, z, {c.hidden.rbegin(), c.hidden.rend()}, c.activation);
  return dense(s / "out", h, c.inputs * likelihood.params_per_value);
}

/// Places of what a stack gives, [height, width]; UsageError where that is no picture.
Shape picture_grid(const std::string& encoder, const Shape& row);
/// Of a code with a vector at every place; dense layers give a row of `places`.
template <class C>
Shape code_grid(const C& c) {
  if (!has_stack(c)) return {1, c.places};
  return picture_grid(encoder_text(c), row_shape(c.picture, c.inputs));
}
/// x [n, inputs] to its vectors [n, places, latent].
template <class C>
Expr encode_places(const Scope& s, const C& c, Expr x) {
  const int64_t n = x.dim(0), places = code_grid(c).elements();
  // Dense layers make the vectors of all places at once, a stack has channels at each.
  const int64_t made = has_stack(c) ? n * places : n;
  const Expr h = encode_rows(s, c, x);
  const Expr vectors = dense(s / "code", reshape(h, {made, h.shape().elements() / made}),
                             n * places / made * c.latent);
  return reshape(vectors, {n, places, c.latent});
}
/// Vectors [n, places, latent] to the likelihood's parameters.
template <class C>
Expr decode_places(const Scope& s, const C& c, Expr vectors, const Likelihood& likelihood) {
  const Shape grid = code_grid(c);
  const int64_t n = vectors.dim(0);
  const Shape given =
      has_stack(c) ? Shape{n, grid[0], grid[1], c.latent} : Shape{n, grid.elements() * c.latent};
  return decode_rows(s, c, reshape(vectors, given), likelihood);
}

/// Adds layers to a table, their parameters under `scope`.
void add_layers(std::vector<LayerInfo>& all, const std::string& scope,
                std::vector<LayerInfo> layers);
/// The table of a model's layers: the encoder's, `heads` dense ones to the code side by side, the
/// decoder's; both are given `classes` numbers more.
std::vector<LayerInfo> coder_layers(const std::string& encoder, const std::string& decoder,
                                    const Shape& row, int64_t latent, int64_t heads, int64_t values,
                                    int64_t classes = 0);
/// The same of dense layers of these widths, as dense_stack names them.
std::vector<LayerInfo> dense_coder_layers(const std::vector<int64_t>& hidden,
                                          const std::string& activation, int64_t inputs,
                                          int64_t latent, int64_t heads, int64_t values,
                                          int64_t classes = 0);
/// And of a code that is a picture: `latent` channels made of the encoder's at every place.
std::vector<LayerInfo> picture_coder_layers(const std::string& encoder, const std::string& decoder,
                                            const Shape& row, int64_t latent, int64_t values);
template <class C>
std::vector<LayerInfo> layers_of(const C& c, int64_t heads, int64_t values, int64_t classes = 0) {
  if (!has_stack(c))
    return dense_coder_layers(c.hidden, c.activation, c.inputs, c.latent, heads, values, classes);
  return coder_layers(encoder_text(c), decoder_text(c), row_shape(c.picture, c.inputs), c.latent,
                      heads, values, classes);
}
/// Of encode_places and decode_places.
template <class C>
std::vector<LayerInfo> place_layers(const C& c, int64_t values) {
  if (!has_stack(c))
    return dense_coder_layers(c.hidden, c.activation, c.inputs, c.places * c.latent, 1, values);
  return picture_coder_layers(encoder_text(c), decoder_text(c), row_shape(c.picture, c.inputs),
                              c.latent, values);
}

}  // namespace latent::models
