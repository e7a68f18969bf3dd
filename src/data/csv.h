// Tables of numbers as text: CSV after RFC 4180, with a comma, a tab or a semicolon between cells
// and CRLF or LF after rows, in UTF-8 with or without a byte order mark.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "latent/tensor.h"

namespace latent {

struct CsvOptions {
  std::string label;            // column that is no feature, by name; "": none
  bool label_may_miss = false;  // then there is no label, instead of a UsageError
  std::optional<bool> header;   // whether the first row names the columns; unset: it does when none
                                // of its cells is a number
};

struct CsvTable {
  Tensor values;                     // [rows, columns], the label's left out; f32 where that holds
                                     // every number exactly, else f64
  std::vector<std::string> columns;  // of values; "1", "2", .. in a file without names
  Tensor label;                      // i32 [rows], or empty without a label column
  std::vector<std::string> classes;  // of a label column of texts: label i means classes[i]; sorted
  bool has_header = false;
  char delimiter = ',';
};

/// DataError, naming line and column, for rows of different lengths, cells that are empty, no
/// number or not finite, quotes that do not end, and a file without rows. UsageError when no column
/// is called options.label. Lines count from 1, as editors do; the offset is that of the cell.
CsvTable parse_csv(std::span<const std::byte> bytes, const std::string& path,
                   const CsvOptions& options = {});

/// The tensor [rows, ...] as CSV with one column an element of a row, under `columns` unless that
/// is empty (else as many as elements). Each number has the fewest digits that read back as itself.
/// `names`, unless empty, are a first column "name" of texts.
std::string csv_text(const std::vector<std::string>& columns, const Tensor& rows,
                     const std::vector<std::string>& names = {});
void write_csv(const std::string& path, const std::vector<std::string>& columns, const Tensor& rows,
               const std::vector<std::string>& names = {});

}  // namespace latent
