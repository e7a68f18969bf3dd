// Rows out of a verb: an NPY file, a CSV file, a picture, or what the model's data are, as text or
// sound; by the ending of the path.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/flags.h"
#include "latent/model.h"
#include "latent/tensor.h"

namespace latent::cli {

enum class Format : uint8_t { npy, csv, png, json, files, own };

struct Output {
  std::string path = "-", format = "auto";
  Format piped = Format::npy;  // on standard output, where --format does not say
  bool json = false;           // rows as JSON on standard output, or what file was written
};
/// Adds -o, --out and --format.
void add_output_flags(Flags& flags, Output& output);
/// Adds --json, of verbs whose result is rows: {"shape", "columns", "rows"}, a list of numbers a
/// row, or where these go to a file {"file", "what"}.
void add_json_flag(Flags& flags, Output& output);

/// The format of numbers, or of pictures that go with them: by --format, else by the path's ending,
/// else as `piped` says. UsageError for other endings, and for NPY and PNG on a terminal. Asked for
/// before the work, so that nothing is lost.
Format format_of(const Output& output);
/// The same, where there are no pictures.
Format array_format_of(const Output& output);

/// The format of rows of the data themselves, once the model is open: where its content has files
/// of its own (latent/data.h), also these. UsageError where rows cannot be written so.
Format data_format_of(const Output& output, const Model& model);
/// Rows [n, inputs] of the model's data, in units of the data, in that format; `columns` of a grid
/// of pictures, 0: a square; `names` of rows that belong to others, as windows of one sound.
void write_data(const Output& output, const Model& model, const std::vector<float>& rows,
                int64_t columns = 0, const std::vector<std::string>& names = {});

/// As f32 of shape [rows, ..row]. `columns` names the values of a row in CSV, `names`
/// (unless empty) the rows.
void write_rows(const Output& output, const std::vector<float>& values, const Shape& row,
                const std::vector<std::string>& columns,
                const std::vector<std::string>& names = {});
/// A table of numbers with names, f64 [rows, columns].
void write_table(const Output& output, const Tensor& table, const std::vector<std::string>& columns,
                 const std::vector<std::string>& names = {});
/// Names of `n` values of a row: prefix1, prefix2, ..
std::vector<std::string> numbered(const std::string& prefix, int64_t n);

/// On one line, or with `indent` on many. Names of files that are no UTF-8 get U+FFFD.
std::string json_text(const nlohmann::json& value, int indent = -1);
/// A result for programs, on standard output.
void print_json(const nlohmann::json& result);

/// Hands on what standard output holds back. 0, or the errno of the first write that failed since
/// the program started: a later one has nothing left to write and fails without a reason.
int flush_stdout();

/// Tells on standard error what was written, unless it went to standard output; as JSON there if
/// that was asked for.
void tell_written(const Output& output, const std::string& what);

}  // namespace latent::cli
