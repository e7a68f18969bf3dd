// Cutting and numbering of text; see text.h.
#include "data/text.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/file.h"
#include "data/plain_text.h"
#include "latent/error.h"

namespace latent {

namespace {

constexpr size_t kPiece = 4096;  // bytes of running text numbered at a time

std::string_view next_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

/// The next lines of running text, ends included, of at most kPiece bytes; a longer line is cut
/// behind a space or, without one, between characters.
std::string_view next_piece(std::string_view& text) {
  size_t end = text.size();
  if (end > kPiece) {
    const std::string_view some = text.substr(0, kPiece);
    const size_t line = some.rfind('\n'), space = some.rfind(' ');
    end = line != some.npos ? line + 1 : space != some.npos ? space + 1 : kPiece;
    while (within_character(text[end])) --end;
  }
  const std::string_view piece = text.substr(0, end);
  text.remove_prefix(end);
  return piece;
}

/// Calls f(document) for each line that is not empty; of running text for each of its pieces.
template <class F>
void each_document(std::string_view text, bool lines, const F& f) {
  while (!text.empty()) {
    const std::string_view one = lines ? next_line(text) : next_piece(text);
    if (!one.empty()) f(one);
  }
}

template <class T>
void append(std::vector<T>& rows, std::span<const int32_t> tokens, int64_t window) {
  for (const int32_t t : tokens) rows.push_back(static_cast<T>(t));
  rows.resize(rows.size() + static_cast<size_t>(window) - tokens.size(), T{kPadding});
}

template <class T>
Tensor tensor_of(const std::vector<T>& rows, int64_t window, DType dtype) {
  Tensor t({std::ssize(rows) / window, window}, dtype);
  std::ranges::copy(rows, t.span<T>().begin());
  return t;
}

template <class T>
TextRows rows_as(std::string_view text, const FittedText& fitted, DType dtype) {
  const TextSettings& s = fitted.settings;
  TextRows result;
  std::vector<T> rows;
  if (!s.lines) rows.reserve(text.size() + static_cast<size_t>(s.window));  // at least a byte each
  if (s.lines) {
    int64_t lines = 0;
    for (std::string_view left = text; !left.empty(); ++lines) next_line(left);
    each_document(text, true, [&](std::string_view line) {
      append(rows, text_row(line, fitted, result.counts), s.window);
    });
    result.counts.empty_lines = lines - result.counts.documents;
  } else {
    result.counts.documents = 1;
    each_document(text, false, [&](std::string_view piece) {
      const auto tokens = fitted.tokenizer.encode(piece, SIZE_MAX, &result.counts.unknown);
      append(rows, tokens, std::ssize(tokens));
    });
    rows.push_back(T{kSentenceEnd});
    result.counts.tokens = std::ssize(rows);
    rows.resize((rows.size() + static_cast<size_t>(s.window) - 1) / static_cast<size_t>(s.window) *
                    static_cast<size_t>(s.window),
                T{kPadding});
  }
  result.tokens = tensor_of(rows, s.window, dtype);
  return result;
}

/// Whether most cells of a line are numbers, whatever stands between them.
bool is_numeric(std::string_view line) {
  int64_t cells = 0, numbers = 0;
  while (!line.empty()) {
    const size_t end = std::min(line.find_first_of(",;\t"), line.size());
    std::string_view cell = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    while (!cell.empty() && (cell.front() == ' ' || cell.front() == '"')) cell.remove_prefix(1);
    while (!cell.empty() && (cell.back() == ' ' || cell.back() == '"')) cell.remove_suffix(1);
    double value = 0;
    const auto r = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    ++cells;
    numbers += !cell.empty() && r.ec == std::errc() && r.ptr == cell.data() + cell.size();
  }
  return 2 * numbers > cells;
}

}  // namespace

bool is_prose(std::string_view bytes) {
  constexpr size_t kLooked = 16384;
  constexpr int kLines = 50;
  std::string_view some = bytes.substr(0, kLooked);
  if (some.empty() || !is_text(bytes_of(some))) return false;
  int lines = 0, numeric = 0;
  while (!some.empty() && lines < kLines) {
    std::string_view line = next_line(some);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty()) continue;
    ++lines;
    numeric += is_numeric(line);
  }
  return 2 * numeric < std::max(lines, 1);
}

FittedText fit_text(std::string_view text, const TextSettings& settings, const std::string& path) {
  if (settings.window != 0 && (settings.window < 2 || settings.window > kMostWindow)) {
    throw UsageError("a window holds 2 to " + std::to_string(kMostWindow) + " units, asked for " +
                     std::to_string(settings.window));
  }
  std::vector<std::string_view> documents;
  each_document(text, settings.lines, [&](std::string_view d) { documents.push_back(d); });
  if (documents.empty()) throw DataError("no line holds any text", path);
  FittedText fitted{settings, Tokenizer::fit(settings.unit, documents, settings.vocabulary)};
  if (settings.window == 0 && settings.lines) {
    std::vector<int64_t> lengths;
    for (const std::string_view d : documents)
      lengths.push_back(std::ssize(fitted.tokenizer.encode(d, kLongestLine)) + 1);
    const auto at = lengths.begin() + (99 * std::ssize(lengths) + 99) / 100 - 1;
    std::ranges::nth_element(lengths, at);
    fitted.settings.window = std::clamp<int64_t>(*at, 2, kLongestLine);
  } else if (settings.window == 0) {
    fitted.settings.window = kWindow;
  }
  return fitted;
}

TextRows text_rows(std::string_view text, const FittedText& fitted, const std::string& path) {
  TextRows rows = fitted.tokenizer.vocabulary() <= 256 ? rows_as<uint8_t>(text, fitted, DType::u8)
                                                       : rows_as<int32_t>(text, fitted, DType::i32);
  if (rows.tokens.elements() == 0) throw DataError("no line holds any text", path);
  return rows;
}

std::vector<int32_t> text_row(std::string_view line, const FittedText& fitted, TextCounts& counts) {
  const auto window = static_cast<size_t>(fitted.settings.window);
  // One more than there is room for tells whether the line is longer.
  std::vector<int32_t> row = fitted.tokenizer.encode(line, window + 1);
  ++counts.documents;
  if (row.size() < window)
    row.push_back(kSentenceEnd);
  else
    ++counts.cut;
  row.resize(std::min(row.size(), window));
  counts.tokens += std::ssize(row);
  counts.unknown += std::ranges::count(row, kUnknown);
  row.resize(window, kPadding);
  return row;
}

std::string words_of(const TextCounts& c, const TextSettings& s) {
  std::string text = s.lines ? std::to_string(c.documents) + (c.documents == 1 ? " line" : " lines")
                             : "running text in windows of " + std::to_string(s.window);
  text += ", " + std::to_string(c.tokens) + " " + name_of(s.unit) + " with ends";
  if (c.empty_lines) text += "; " + std::to_string(c.empty_lines) + " empty lines left out";
  if (c.cut) {
    text += "; " + std::to_string(c.cut) + " longer than the window of " +
            std::to_string(s.window) + " cut there";
  }
  if (c.unknown)
    text += "; " + std::to_string(c.unknown) + " unknown to the vocabulary, read as <unk>";
  return text;
}

}  // namespace latent
