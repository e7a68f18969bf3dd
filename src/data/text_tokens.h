// Text cut into units and numbered. A tokenizer is made from the text that a model is trained on,
// or from the bytes that its model file keeps, so that text read later gets the same numbers.
// Numbers 0, 1 and 2 belong to no unit: padding, the end of a sentence, and <unk>, any unit that
// the vocabulary has not got.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "latent/tensor.h"

namespace latent {

inline constexpr int32_t kPadding = 0, kSentenceEnd = 1, kUnknown = 2, kFirstToken = 3;

/// Units that texts are cut into. bytes: 256 numbers, a byte being its own; the control bytes 0, 1
/// and 2 are <unk>. chars: characters of UTF-8. words: runs of letters, digits, apostrophes and
/// characters beyond ASCII, and any other character but white space alone. sentencepiece: pieces of
/// a unigram model (Kudo 2018, arXiv 1804.10959) that loses nothing: no normalization, spaces kept.
enum class TextUnit { bytes, chars, words, sentencepiece };
TextUnit text_unit_named(const std::string& name);  ///< UsageError with the near miss.
const char* name_of(TextUnit unit);

class Tokenizer {
 public:
  /// Of `documents`, valid UTF-8. `vocabulary`, all numbers counted, is an upper bound: the most
  /// frequent units, of equally frequent ones the first in order of bytes; 0: every char, 10000
  /// words, 2000 pieces. Bytes have 256 whatever was asked. UsageError when it is too small.
  static Tokenizer fit(TextUnit unit, std::span<const std::string_view> documents,
                       int64_t vocabulary = 0);
  /// From bytes() of another one. DataError naming `path` when they are none.
  static Tokenizer from_bytes(TextUnit unit, std::string_view bytes, const std::string& path);

  TextUnit unit() const { return unit_; }
  int64_t vocabulary() const;  ///< Numbers are 0 .. vocabulary() - 1.
  /// All that makes the same tokenizer again: empty for bytes, a JSON list of the units, or a
  /// SentencePiece model.
  std::string bytes() const;

  /// Numbers of the units of valid UTF-8, at most `most`; what lies behind is not looked at. Adds
  /// to `unknown`, where given, how many are <unk>.
  std::vector<int32_t> encode(std::string_view text, size_t most = SIZE_MAX,
                              int64_t* unknown = nullptr) const;
  /// The text of the numbers up to the first padding or end of a sentence: valid UTF-8, <unk> as
  /// U+FFFD. Numbers that there are not are <unk>.
  std::string decode(std::span<const int32_t> tokens) const;

 private:
  struct Units;
  struct Pieces;
  explicit Tokenizer(TextUnit unit) : unit_(unit) {}

  TextUnit unit_;
  std::shared_ptr<const Units> units_;    // of chars and words
  std::shared_ptr<const Pieces> pieces_;  // of sentencepiece
};

}  // namespace latent
