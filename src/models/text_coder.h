// What text models are made of: a cell that reads a row of tokens into one state, and a cell or
// dilated convolutions that write it from a code.
#pragma once

#include <string>
#include <vector>

#include "latent/dist.h"
#include "latent/recurrent.h"
#include "latent/stack.h"
#include "latent/writer.h"

namespace latent::models {

/// Parameters: embedding/weight [vocabulary, embedding], which reader and writer share;
/// encoder/cell/..; decoder/cell/.. and decoder/start, or decoder/<layer>/..; decoder/code, by
/// which every token sees the code; decoder/out.
struct TextCoder {
  int64_t length = 0, vocabulary = 0, embedding = 0;
  std::string cell, decoder;
  int64_t units = 0, depth = 0, latent = 0;
  double word_dropout = 0;

  void check() const;  ///< UsageError for what no config may be.
  /// The state after the last token of x [n, length]: [n, units].
  Expr read(const Scope& s, Expr x) const;
  /// -log p(x|z) under teacher forcing, [n].
  Expr nll(const Scope& s, Expr z, Expr x) const;
  /// Of the code: in an evaluation trace, parameters named from the graph's root.
  Likelihood likelihood() const;
  Writer writer() const;
  /// The table of layers; `heads` dense ones side by side lead to the code.
  std::vector<LayerInfo> layers(int64_t heads) const;

 private:
  bool convolves() const { return decoder == "conv"; }
  Expr table(const Scope& s) const;
  Cell writing_cell(const Scope& s) const;
  /// What the code adds to the input of every token, [n, width].
  Expr of_code(const Scope& s, Expr z, int64_t width) const;
  Expr first_state(const Scope& s, Expr z) const;  ///< h of the writing cell, [n, units].
  Expr logits(const Scope& s, Expr h) const;
  /// Input of the first convolution for tokens [m] i32 without the code's part: [m, units].
  Expr convolved_input(const Scope& s, Expr tokens) const;
  /// Layer i over h [n, m, units]; `padded`: from zeros before the first of m, which stays m.
  Expr convolution(const Scope& s, int64_t i, Expr h, bool padded) const;
  /// h of all tokens, [length n, units], time first for a cell and rows first for convolutions.
  Expr hidden(const Scope& s, Expr z, Expr before) const;
};

template <class C>
TextCoder text_coder(const C& c) {
  return {c.inputs, c.vocabulary, c.embedding, c.cell,        c.decoder,
          c.units,  c.depth,      c.latent,    c.word_dropout};
}

}  // namespace latent::models
