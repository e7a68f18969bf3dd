// Between models, which take rows [n, inputs], and stacks of layers, which take pictures: what of a
// config is an encoder and a decoder, and their table of layers. A config here is any with inputs,
// latent, hidden, activation, encoder, decoder, width, depth and picture; without an `encoder` its
// layers are dense (dense_stack.h).
#pragma once

#include <string>
#include <vector>

#include "latent/ops.h"
#include "latent/stack.h"

namespace latent::models {

template <class C>
bool has_stack(const C& c) {
  return !c.encoder.empty();
}

/// One row as the stacks see it: [h, w, c], or [inputs] without a picture.
Shape row_shape(const std::vector<int64_t>& picture, int64_t inputs);

template <class C>
std::string encoder_text(const C& c) {
  return encoder_stack(c.encoder, c.width, c.depth, row_shape(c.picture, c.inputs));
}
/// Of a code that is a picture itself, the layer `picture` that a mirror starts with is left out.
std::string from_picture(const std::string& decoder);
template <class C>
std::string decoder_text(const C& c) {
  const std::string text =
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

/// x [n, inputs] through the encoder, flat: [n, m]. `beside` [n, k], where given, is joined to each
/// row: as k more channels, the same at every place, of a picture.
Expr encode_rows(const Scope& s, Expr x, const std::string& text, const Shape& row,
                 Expr beside = {});
/// z [n, latent], or a picture, through the decoder to `values` numbers for each of a row's: [n,
/// values inputs], all first ones, then all second ones; the last `scales` of them start at zero.
Expr decode_rows(const Scope& s, Expr z, const std::string& text, const Shape& row, int64_t values,
                 int64_t scales = 0);

/// The table of a model's layers: the encoder's, `heads` dense ones to the code side by side, the
/// decoder's; both are given `classes` numbers more.
std::vector<LayerInfo> coder_layers(const std::string& encoder, const std::string& decoder,
                                    const Shape& row, int64_t latent, int64_t heads, int64_t values,
                                    int64_t classes = 0);
/// The same of a code that is a picture: `latent` channels made of the encoder's at every place.
std::vector<LayerInfo> picture_coder_layers(const std::string& encoder, const std::string& decoder,
                                            const Shape& row, int64_t latent, int64_t values);
template <class C>
std::vector<LayerInfo> layers_of(const C& c, int64_t heads, int64_t values, int64_t classes = 0) {
  if (has_stack(c)) {
    return coder_layers(encoder_text(c), decoder_text(c), row_shape(c.picture, c.inputs), c.latent,
                        heads, values, classes);
  }
  std::string encoder, decoder;
  const auto hidden = [&](std::string& text, int64_t units) {
    text += "dense " + std::to_string(units) + "; " +
            (c.activation == "none" ? "" : c.activation + "; ");
  };
  for (const int64_t units : c.hidden) hidden(encoder, units);
  for (auto units = c.hidden.rbegin(); units != c.hidden.rend(); ++units) hidden(decoder, *units);
  if (!encoder.empty()) encoder.resize(encoder.size() - 2);
  return coder_layers(encoder, decoder + "out", {c.inputs}, c.latent, heads, values, classes);
}

}  // namespace latent::models
