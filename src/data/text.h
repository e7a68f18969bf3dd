// Plain text as rows of token numbers: one document a line, or running text cut to windows. A row
// is [window]: the units of the text, the end of the sentence where it has room, padding. What text
// becomes is fixed by its settings and its vocabulary, both kept in the model file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/text_tokens.h"
#include "latent/tensor.h"

namespace latent {

struct TextSettings {
  TextUnit unit = TextUnit::bytes;
  bool lines = true;       // each line is a document; else all lines are one text, cut to windows
  int64_t window = 0;      // units of a row, the end counted. 0: of lines, so many that 99 of 100
                           // fit, at most kLongestLine; of windows kWindow
  int64_t vocabulary = 0;  // most numbers, as Tokenizer::fit has it
};
inline constexpr int64_t kLongestLine = 128, kWindow = 64, kMostWindow = int64_t{1} << 16;

/// What was met while reading, for people.
struct TextCounts {
  int64_t documents = 0;    // lines that hold something; 1 of running text
  int64_t empty_lines = 0;  // left out; of running text they are kept, and not counted
  int64_t cut = 0;          // lines longer than the window: what is behind it is left out
  int64_t tokens = 0;       // numbers that are no padding
  int64_t unknown = 0;      // of these, <unk>
};
/// "1000 lines, 12 empty ones left out, ..", one line.
std::string words_of(const TextCounts& counts, const TextSettings& settings);

struct TextRows {
  Tensor tokens;  // [rows, window], u8 where the vocabulary fits, else i32
  TextCounts counts;
};

/// Whether the bytes are text (plain_text.h) rather than a table of numbers: in fewer than half of
/// the first lines most cells are numbers.
bool is_prose(std::string_view bytes);

/// Settings with the window filled in, and the tokenizer, of a text that a model is to be trained
/// on. DataError when no line holds anything.
struct FittedText {
  TextSettings settings;
  Tokenizer tokenizer;
};
FittedText fit_text(std::string_view text, const TextSettings& settings, const std::string& path);

/// The rows of a checked text. DataError when there are none.
TextRows text_rows(std::string_view text, const FittedText& fitted, const std::string& path);

/// One row [window] of the text, which may have been written on a command line; unknown units are
/// counted in `counts`.
std::vector<int32_t> text_row(std::string_view line, const FittedText& fitted, TextCounts& counts);

}  // namespace latent
