// The words of a stack's text and how it is read; see latent/stack.h. A word is one literal of the
// table in stack_words.cc: what may follow it, what it makes of a picture, and its mirror.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "latent/nn.h"

namespace latent::nn {

/// One layer as written: `conv 32 3 s2`, `picture 7x7x64`.
struct Layer {
  std::string word;
  std::vector<double> numbers;
  std::map<char, int64_t> options;  // s2: {'s', 2}
  std::vector<int64_t> size;        // 7x7 or 7x7x64
  size_t at = 0;                    // place of the word in the text, from 1

  int64_t integer(size_t i) const { return static_cast<int64_t>(numbers.at(i)); }
  int64_t integer(size_t i, int64_t otherwise) const {
    return i < numbers.size() ? integer(i) : otherwise;
  }
  int64_t option(char key, int64_t otherwise) const {
    const auto found = options.find(key);
    return found == options.end() ? otherwise : found->second;
  }
  std::string text() const;
};

/// What a layer may know besides x.
struct Around {
  bool normalized = false;  // a batch norm follows, which would take a bias away again
  Shape output;             // of a row, for `out`
  int64_t scales = 0;       // of its last axis, at the end: they start at zero
};

struct Word {
  std::string name, form;      // form: what follows, as "CHANNELS KERNEL [sSTRIDE]"
  size_t least = 0, most = 0;  // numbers
  std::string options;         // letters that may be
  int size_axes = 0;           // extents of its HxW or HxWxC; 0: takes none
  bool size_needed = false, fractions = false;
  bool pointwise = false;  // keeps the shape: its own mirror, and a run keeps its order
  std::function<Expr(const Scope&, Expr x, const Layer&, const Around&)> apply;
  /// Layers from `out` back to `in`, shapes of one row; null where there is no way back.
  std::function<std::string(const Layer&, const Shape& in, const Shape& out)> mirror;
};

const std::vector<Word>& words();
const Word& word_named(const std::string& name);  // of the table

/// UsageError with the position for what cannot be read, and the near miss for an unknown word.
std::vector<Layer> parse_stack(const std::string& text);
std::string text_of(const std::vector<Layer>& layers);

}  // namespace latent::nn
