// Reader and writer of CSV files; see csv.h. The file is walked twice: once to count rows, so that
// the tensor is made at its size, and once to read the numbers into it.
#include "data/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/near.h"
#include "base/words.h"
#include "data/plain_text.h"

namespace latent {

namespace {

struct Cell {
  std::string_view text;  // without outer spaces and quotes; valid until the next record is read
  size_t at = 0;          // offset in the file
  int64_t line = 1;
  bool quoted = false;
};

// Takes one record after another from the text.
class Records {
 public:
  Records(std::string_view text, char delimiter, const std::string& path)
      : text_(text), delimiter_(delimiter), path_(path), at_(mark_bytes(text)) {
    while (!text_.empty() && (text_.back() == '\n' || text_.back() == '\r')) text_.remove_suffix(1);
  }

  /// False at the end. Blank lines at the end of the file are not records.
  bool next() {
    if (ended_ || at_ >= text_.size()) return false;
    cells_.clear();
    unescaped_.clear();
    while (cell()) {
    }
    // Texts that had to be copied are pointed to when no more can move them.
    for (const auto& [cell, begin] : copied_)
      cells_[cell].text = std::string_view(unescaped_).substr(begin, cells_[cell].text.size());
    copied_.clear();
    return true;
  }
  const std::vector<Cell>& cells() const { return cells_; }

  [[noreturn]] void fail(const Cell& cell, const std::string& what) const {
    throw DataError("line " + std::to_string(cell.line) + ": " + what, path_,
                    static_cast<int64_t>(cell.at));
  }

 private:
  // Reads a cell and what ends it; false when that ends the record.
  bool cell() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    Cell c{.at = at_, .line = line_};
    if (at_ < text_.size() && text_[at_] == '"') {
      quoted(c);
    } else {
      while (at_ < text_.size() && text_[at_] != delimiter_ && text_[at_] != '\n') ++at_;
      c.text = text_.substr(c.at, at_ - c.at);
      while (!c.text.empty() && (is_space(c.text.back()) || c.text.back() == '\r'))
        c.text.remove_suffix(1);
    }
    cells_.push_back(c);
    if (at_ == text_.size()) {
      ended_ = true;
      return false;
    }
    if (text_[at_++] == delimiter_) return true;
    ++line_;
    return false;
  }

  void quoted(Cell& c) {
    c.quoted = true;
    ++at_;
    const size_t begin = unescaped_.size();
    for (;; ++at_) {
      if (at_ == text_.size()) fail(c, "a quoted cell that does not end");
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] == '"') {
        if (at_ + 1 == text_.size() || text_[at_ + 1] != '"') break;
        ++at_;
      }
      unescaped_ += text_[at_];
    }
    ++at_;
    copied_.emplace_back(cells_.size(), begin);
    // Of the right length now, at its place once the record is whole.
    c.text = text_.substr(0, unescaped_.size() - begin);
    while (at_ < text_.size() && (is_space(text_[at_]) || text_[at_] == '\r')) ++at_;
    if (at_ < text_.size() && text_[at_] != delimiter_ && text_[at_] != '\n')
      fail(c, "something follows the closing quote of a cell; a quote within one is doubled");
  }

  bool is_space(char c) const { return c == ' ' || (c == '\t' && delimiter_ != '\t'); }

  std::string_view text_;
  char delimiter_;
  const std::string& path_;
  size_t at_;
  int64_t line_ = 1;
  bool ended_ = false;
  std::vector<Cell> cells_;
  std::string unescaped_;                          // of the quoted cells of this record
  std::vector<std::pair<size_t, size_t>> copied_;  // cell and place in unescaped_
};

// A tab or a semicolon outside quotes in the first line stands between cells; a comma beside them
// is part of a text or a decimal comma.
char find_delimiter(std::string_view text) {
  bool within = false, semicolon = false;
  for (const char c : text) {
    if (c == '"') within = !within;
    if (within) continue;
    if (c == '\n') break;
    if (c == '\t') return c;
    semicolon = semicolon || c == ';';
  }
  return semicolon ? ';' : ',';
}

enum class Parsed { number, not_number, too_large };

Parsed parse_number(std::string_view text, double& value) {
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return Parsed::too_large;
  return error == std::errc() && end == text.data() + text.size() ? Parsed::number
                                                                  : Parsed::not_number;
}

bool means_missing(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  constexpr std::string_view kWords[] = {"", "na", "n/a", "null", "none", "nan", "-nan", "?"};
  return std::ranges::find(kWords, lower) != std::end(kWords);
}

std::string shortened(std::string_view text) {
  constexpr size_t kMost = 40;
  return text.size() <= kMost ? std::string(text) : std::string(text.substr(0, kMost)) + "..";
}

double number_of(const Records& records, const Cell& cell, const std::string& column) {
  double value = 0;
  const Parsed parsed = parse_number(cell.text, value);
  if (parsed == Parsed::number && std::isfinite(value)) return value;
  const std::string where = " in column \"" + column + "\"";
  if (parsed == Parsed::too_large)
    records.fail(cell, "the number " + shortened(cell.text) + where +
                           " is beyond what 64-bit floating point holds");
  if (means_missing(cell.text))
    records.fail(cell, (cell.text.empty() ? "an empty cell"
                                          : "a missing value \"" + std::string(cell.text) + "\"") +
                           where + "; fill it in, or leave out the row or the column");
  if (parsed == Parsed::number)
    records.fail(cell, "the value " + std::string(cell.text) + where +
                           " is not finite; put a number there, or leave out the row");
  const bool decimal_comma = cell.text.find(',') != cell.text.npos &&
                             cell.text.find_first_not_of("+-0123456789.,eE") == cell.text.npos;
  records.fail(cell, "the text \"" + shortened(cell.text) + "\"" + where + " is not a number; " +
                         (decimal_comma ? "write decimals with a point"
                                        : "leave out the column, encode it as numbers, or name it "
                                          "as the label"));
}

// The label column: whole numbers stay, texts become their place among the sorted different texts.
class Labels {
 public:
  void add(const Records& records, const Cell& cell, const std::string& column) {
    if (cell.text.empty() && !cell.quoted)
      records.fail(cell, "an empty label in column \"" + column + "\"");
    double value = 0;
    whole_ = whole_ && parse_number(cell.text, value) == Parsed::number &&
             value == std::trunc(value) && std::abs(value) <= std::numeric_limits<int32_t>::max();
    numbers_.push_back(whole_ ? static_cast<int32_t>(value) : 0);
    const auto at = ids_.try_emplace(std::string(cell.text), ids_.size()).first;
    texts_.push_back(at->second);
  }

  void finish(CsvTable& table) {
    table.label = Tensor({std::ssize(numbers_)}, DType::i32);
    if (!whole_) {
      std::vector<int32_t> rank(ids_.size());
      for (const auto& [text, id] : ids_) {
        rank[id] = static_cast<int32_t>(table.classes.size());
        table.classes.push_back(text);
      }
      for (size_t i = 0; i < texts_.size(); ++i) numbers_[i] = rank[texts_[i]];
    }
    std::ranges::copy(numbers_, table.label.span<int32_t>().begin());
  }

 private:
  bool whole_ = true;
  std::vector<int32_t> numbers_;
  std::vector<size_t> texts_;          // ids of each row
  std::map<std::string, size_t> ids_;  // by first appearance
};

struct Layout {
  std::vector<std::string> names;  // of all columns
  size_t label = std::string::npos;
  int64_t rows = 0;
};

// Column names, the label's place and the number of rows; refuses rows of other lengths.
Layout survey(std::string_view text, const std::string& path, const CsvOptions& options,
              CsvTable& table) {
  Layout layout;
  Records records(text, table.delimiter, path);
  if (!records.next()) throw DataError("the file holds no rows", path, 0);
  double ignored = 0;
  table.has_header =
      options.header.value_or(std::ranges::none_of(records.cells(), [&](const Cell& cell) {
        return !cell.quoted && parse_number(cell.text, ignored) == Parsed::number;
      }));
  for (const Cell& cell : records.cells()) {
    const std::string place = std::to_string(layout.names.size() + 1);
    layout.names.push_back(table.has_header && !cell.text.empty() ? std::string(cell.text) : place);
  }
  if (!options.label.empty()) {
    const auto found = std::ranges::find(layout.names, options.label);
    const bool there = found != layout.names.end();
    if (!there && !options.label_may_miss)
      throw UsageError("no column of " + path + " is called \"" + options.label + "\"" +
                       did_you_mean(options.label, layout.names));
    if (there) layout.label = static_cast<size_t>(found - layout.names.begin());
    if (there && layout.names.size() == 1) throw UsageError(path + " has no column but the label");
  }
  bool more = table.has_header ? records.next() : true;
  for (; more; more = records.next()) {
    if (records.cells().size() != layout.names.size()) {
      records.fail(records.cells()[0],
                   counted(std::ssize(records.cells()), "cell") + ", but the first line has " +
                       std::to_string(layout.names.size()) +
                       "; every row needs as many, with quotes around a cell that holds a \"" +
                       table.delimiter + "\"");
    }
    ++layout.rows;
  }
  if (layout.rows == 0) {
    throw DataError("only a line of column names and no rows, or a text file of another kind", path,
                    0);
  }
  return layout;
}

// Fills table.values as T; false when T cannot hold a number exactly.
template <class T>
bool fill(std::string_view text, const std::string& path, const Layout& layout, CsvTable& table) {
  Records records(text, table.delimiter, path);
  if (table.has_header) records.next();
  const bool labelled = layout.label != std::string::npos;
  table.values = Tensor({layout.rows, std::ssize(layout.names) - labelled},
                        sizeof(T) == 4 ? DType::f32 : DType::f64);
  T* out = table.values.span<T>().data();
  Labels labels;
  while (records.next()) {
    for (size_t i = 0; i < layout.names.size(); ++i) {
      const Cell& cell = records.cells()[i];
      if (i == layout.label) {
        labels.add(records, cell, layout.names[i]);
        continue;
      }
      const double value = number_of(records, cell, layout.names[i]);
      *out = static_cast<T>(value);
      if (static_cast<double>(*out++) != value) return false;
    }
  }
  if (labelled) labels.finish(table);
  return true;
}

std::string quoted_if_needed(const std::string& name) {
  const bool plain = !name.empty() && name.front() != ' ' && name.back() != ' ' &&
                     name.find_first_of(",\"\r\n;\t") == name.npos;
  if (plain) return name;
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

template <class T>
void append_rows(std::span<const T> values, size_t width, const std::vector<std::string>& names,
                 std::string& out) {
  char number[32];
  for (size_t i = 0; i < values.size(); ++i) {
    if (!names.empty() && i % width == 0) out += quoted_if_needed(names[i / width]) + ',';
    const auto end = std::to_chars(number, number + sizeof number, values[i]).ptr;
    out.append(number, end);
    out += (i + 1) % width == 0 ? '\n' : ',';
  }
}

}  // namespace

CsvTable parse_csv(std::span<const std::byte> bytes, const std::string& path,
                   const CsvOptions& options) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  CsvTable table;
  table.delimiter = find_delimiter(text);
  Layout layout = survey(text, path, options, table);
  if (!fill<float>(text, path, layout, table)) fill<double>(text, path, layout, table);
  if (layout.label != std::string::npos)
    layout.names.erase(layout.names.begin() + static_cast<ptrdiff_t>(layout.label));
  table.columns = std::move(layout.names);
  return table;
}

std::string csv_text(const std::vector<std::string>& columns, const Tensor& rows,
                     const std::vector<std::string>& names) {
  if (rows.shape().rank() == 0) throw UsageError("a single number was to be written as CSV rows");
  size_t width = 1;
  for (int axis = 1; axis < rows.shape().rank(); ++axis)
    width *= static_cast<size_t>(rows.shape()[axis]);
  if (!columns.empty() && columns.size() != width) {
    throw UsageError("rows of " + std::to_string(width) + " values were to be written under " +
                     std::to_string(columns.size()) + " column names");
  }
  if (!names.empty() && std::ssize(names) != rows.shape()[0]) {
    throw UsageError(std::to_string(names.size()) + " names were to be written before " +
                     std::to_string(rows.shape()[0]) + " rows");
  }
  std::string out = names.empty() || columns.empty() ? "" : "name";
  for (const std::string& name : columns) out += (out.empty() ? "" : ",") + quoted_if_needed(name);
  if (!columns.empty()) out += '\n';
  switch (rows.dtype()) {
    case DType::f32:
      append_rows(rows.span<float>(), width, names, out);
      break;
    case DType::f64:
      append_rows(rows.span<double>(), width, names, out);
      break;
    case DType::i32:
      append_rows(rows.span<int32_t>(), width, names, out);
      break;
    case DType::u8:
      append_rows(rows.span<uint8_t>(), width, names, out);
      break;
    case DType::bf16:
      throw UsageError("bf16 was to be written as CSV; cast it to f32 first");
  }
  return out;
}

void write_csv(const std::string& path, const std::vector<std::string>& columns, const Tensor& rows,
               const std::vector<std::string>& names) {
  write_file_atomic(path, csv_text(columns, rows, names));
}

}  // namespace latent
