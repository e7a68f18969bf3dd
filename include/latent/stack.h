// Stacks of layers as text, "conv 32 3 s2; bn; relu; res 64 s2": what `latent train --encoder`
// takes and a model file keeps. Presets are functions from sizes to such texts;
// docs/architectures.md lists the words.
#pragma once

#include <string>
#include <vector>

#include "latent/nn.h"

namespace latent {

/// x through the layers of `text`: [n, h, w, c], or [n, m]. Parameters are named
/// path/<place of the layer>/.., from 0. `output` is what the layer `out` of a decoder gives, a row
/// as [h, w, c] or [m]; empty where there is no such layer. The last `scales` values of its last
/// axis, a likelihood's logarithms of scales, start at zero whatever x. UsageError with layer and
/// position for a text that is none, or that does not fit x, saying what would fit.
LATENT_API Expr stack(const Scope& s, Arg x, const std::string& text, const Shape& output = {},
                      int64_t scales = 0);

/// The text as it is kept: one space between words, "; " between layers.
LATENT_API std::string normalized_stack(const std::string& text);

/// The decoder of an encoder whose rows are [h, w, c] or [m]: its layers in reverse, every size
/// restored exactly, `out` last; a run of layers without a size (bn, relu) keeps its order.
LATENT_API std::string mirrored_stack(const std::string& encoder, const Shape& row);

/// One line of the table of a stack.
struct LayerInfo {
  std::string scope;          // of its parameters: "0", "encoder/0"
  std::string layer;          // as in the text
  Shape output;               // of one row
  int64_t parameters = 0;     // trained: without running statistics
  int64_t multiply_adds = 0;  // of one row, in convolutions and products
};
LATENT_API std::vector<LayerInfo> stack_layers(const std::string& text, const Shape& row,
                                               const Shape& output = {});

/// A named family of stacks.
struct StackPreset {
  std::string name, doc;         // doc: one line, with the paper
  int64_t width = 0, depth = 0;  // where nothing is said: channels of the first stage, stages
};
LATENT_API const std::vector<StackPreset>& stack_presets();

/// The text that `spec` stands for: a preset at this width and depth (0: its own) for pictures
/// [h, w, c], or a text of its own, for which both must be 0. UsageError when the picture is too
/// small for the depth.
LATENT_API std::string encoder_stack(const std::string& spec, int64_t width, int64_t depth,
                                     const Shape& picture);
/// The same of a decoder; "" is the mirror of `encoder`, which is a text or a preset.
LATENT_API std::string decoder_stack(const std::string& spec, const std::string& encoder,
                                     int64_t width, int64_t depth, const Shape& picture);

}  // namespace latent
