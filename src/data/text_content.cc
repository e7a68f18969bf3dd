// Files of text to rows and back; see text_content.h.
#include "data/text_content.h"

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "data/dataset.h"
#include "data/folder.h"
#include "data/plain_text.h"
#include "data/visit.h"
#include "latent/error.h"

namespace latent {

namespace {

using nlohmann::json;

constexpr double kMostVocabulary = 1 << 24;
constexpr int64_t kNamed = 1 << 20;  // rows that are named; more names than that nobody reads
const std::string kVocabulary = "vocabulary";  // the blob

std::vector<ConfigField> fields() {
  using Kind = ConfigField::Kind;
  return {
      {.name = "unit",
       .help = "that text is cut into",
       .kind = Kind::word,
       .choices = {"bytes", "chars", "words", "sentencepiece"},
       .initial = "bytes"},
      {.name = "cut",
       .help = "of text: each line a row, or running text in windows",
       .kind = Kind::word,
       .choices = {"lines", "windows"},
       .initial = "lines"},
      {.name = "window",
       .help = "units of a row of text; 0: 99 of 100 lines fit, at most 128; 64 of running text",
       .kind = Kind::integer,
       .low = 0,
       .high = static_cast<double>(kMostWindow),
       .initial = 0},
      {.name = "vocabulary",
       .help = "most different units of text; 0: every char, 10000 words, 2000 pieces",
       .kind = Kind::integer,
       .low = 0,
       .high = kMostVocabulary,
       .initial = 0},
  };
}

TextSettings settings_of(const json& j) {
  return {.unit = text_unit_named(j.at("unit").get<std::string>()),
          .lines = j.at("cut") == "lines",
          .window = j.at("window").get<int64_t>(),
          .vocabulary = j.at("vocabulary").get<int64_t>()};
}

/// What a model keeps: settings with the window and the vocabulary that came of it.
Content content_of(const FittedText& fitted) {
  Content c{.kind = "text"};
  c.settings = {{"unit", name_of(fitted.settings.unit)},
                {"cut", fitted.settings.lines ? "lines" : "windows"},
                {"window", fitted.settings.window},
                {"vocabulary", fitted.tokenizer.vocabulary()}};
  if (const std::string bytes = fitted.tokenizer.bytes(); !bytes.empty())
    c.blobs[kVocabulary] = bytes;
  return c;
}

bool recognizes(const std::string& path, const FileSet& files) {
  constexpr size_t kStart = 16384;  // bytes that are looked at
  if (files.source() == FileSet::Source::folder) return false;
  const std::string start = file_start(path, kStart);
  return !start.empty() && is_prose(start);
}

std::vector<std::string> row_names(const FittedText& fitted, const Tensor& tokens) {
  const int64_t rows = tokens.shape()[0];
  if (rows > kNamed) return {};
  const auto window = static_cast<size_t>(tokens.shape()[1]);
  std::vector<std::string> names;
  std::vector<int32_t> row(window);
  for (size_t i = 0; i < static_cast<size_t>(rows); ++i) {
    if (tokens.dtype() == DType::u8)
      std::ranges::copy(tokens.span<uint8_t>().subspan(i * window, window), row.begin());
    else
      std::ranges::copy(tokens.span<int32_t>().subspan(i * window, window), row.begin());
    names.push_back(fitted.tokenizer.decode(row));
    std::ranges::replace(names.back(), '\n', ' ');
  }
  return names;
}

Dataset open(const std::string& path, const json& settings, const Content* as,
             const std::string& label) {
  const std::string name = path == "-" ? "standard input" : path;
  if (!label.empty())
    throw UsageError("text has no labels; \"" + label + "\" was asked of " + name);
  const std::string text = checked_text(read_gzip_or_plain(path), name);
  const FittedText fitted = as ? fitted_text(*as) : fit_text(text, settings_of(settings), name);
  TextRows rows = text_rows(text, fitted, name);
  About about{.names = row_names(fitted, rows.tokens),
              .notes = {words_of(rows.counts, fitted.settings)},
              .content = content_of(fitted)};
  std::vector<Field> all;
  all.push_back({"x", std::move(rows.tokens)});
  return Dataset(short_name(path), std::move(all), std::move(about));
}

void check_array(const Content& content, const Tensor& rows, const std::string& path) {
  const int vocabulary = content.settings.at("vocabulary");
  visit_elements(rows, [&](auto elements) {
    for (const auto v : elements) {
      const auto token = static_cast<double>(v);
      if (token == std::trunc(token) && token >= 0 && token < vocabulary) continue;
      throw DataError("the value " + std::to_string(token) + " is no token: the model's are 0 to " +
                          std::to_string(vocabulary - 1),
                      path);
    }
  });
}

void write(const std::string& path, const Content& content, std::span<const float> rows,
           const Shape&) {
  std::string text;
  for (const std::string& line : texts_of(fitted_text(content), rows)) text += line + "\n";
  write_file_atomic(path, text);
}

}  // namespace

ContentKind text_content() {
  return {.name = "text",
          .doc = "plain text, a document a line or running",
          .fields = fields(),
          .endings = {".txt"},
          .names = {".txt"},
          .streams = true,
          .guessed = true,
          .recognizes = recognizes,
          .open = open,
          .check_array = check_array,
          .write = write};
}

FittedText fitted_text(const Content& content) {
  const TextSettings s = settings_of(content.settings);
  const auto blob = content.blobs.find(kVocabulary);
  Tokenizer tokenizer = Tokenizer::from_bytes(
      s.unit, blob == content.blobs.end() ? "" : std::string_view(blob->second), "the model");
  if (s.window < 2 || s.vocabulary != tokenizer.vocabulary())
    throw DataError("the window or the vocabulary of text does not fit the model's own",
                    "the model");
  return {s, std::move(tokenizer)};
}

std::vector<std::string> texts_of(const FittedText& fitted, std::span<const float> rows) {
  const auto window = static_cast<size_t>(fitted.settings.window);
  if (rows.size() % window != 0)
    throw UsageError(std::to_string(rows.size()) + " numbers are no whole rows of " +
                     std::to_string(window) + " tokens");
  std::vector<std::string> texts;
  std::vector<int32_t> tokens(window);
  for (size_t at = 0; at < rows.size(); at += window) {
    for (size_t i = 0; i < window; ++i) {
      const float v = rows[at + i];
      tokens[i] =
          v >= 0 && v < static_cast<float>(kMostVocabulary) ? static_cast<int32_t>(v) : kUnknown;
    }
    texts.push_back(fitted.tokenizer.decode(tokens));
  }
  return texts;
}

}  // namespace latent
