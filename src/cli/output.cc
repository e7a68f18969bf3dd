// Writing rows; see output.h.
#include "cli/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <span>

#include "cli/model_input.h"
#include "cli/pictures.h"
#include "data/csv.h"
#include "data/npy.h"
#include "latent/error.h"
#include "train/preprocess.h"

namespace latent::cli {

void add_output_flags(Flags& flags, Output& output) {
  flags.add(
      "-o,--out", "FILE", output.path,
      "file to write, .npy, .csv, .png (a picture of all), DIR/ (a picture each), or as the data "
      "are; - is standard output");
  flags.add("--format", "FORMAT", output.format,
            fmt::format("auto (by the ending of FILE; {} for -), npy, csv, png",
                        output.piped == Format::csv ? "csv" : "npy"),
            {"auto", "npy", "csv", "png"});
}

void add_json_flag(Flags& flags, Output& output) {
  flags.add("--json", output.json, "as JSON, with the rows unless these go to a file");
}

namespace {

/// Numbers in full, as CSV has them; what is no number is null.
void print_json_rows(std::span<const float> values, const Shape& shape,
                     const std::vector<std::string>& columns) {
  const nlohmann::json dims(std::vector<int64_t>(shape.begin(), shape.end())), names(columns);
  fmt::print("{{\"shape\":{},\"columns\":{},\"rows\":[", json_text(dims), json_text(names));
  const auto width = values.size() / static_cast<size_t>(std::max<int64_t>(shape[0], 1));
  for (size_t i = 0; i < values.size(); ++i) {
    fmt::print("{}", i % width != 0 ? "," : i > 0 ? "],\n[" : "\n[");
    if (std::isfinite(values[i]))
      fmt::print("{}", values[i]);
    else
      fmt::print("null");
  }
  fmt::print("{}]}}\n", values.empty() ? "" : "]\n");
}

/// Of the model's own kind of files, if it has any.
const ContentKind* own_kind(const Model& model) {
  const Content& content = model.preprocessing().content;
  return content.array() ? nullptr : &content_kind(content.kind);
}

bool ends_with_one(const std::string& path, const std::vector<std::string>& endings) {
  return std::ranges::any_of(endings, [&](const auto& e) { return path.ends_with(e); });
}

Format format_of(const Output& o, const ContentKind* own) {
  const bool automatic = o.format == "auto";
  if (o.json && o.path == "-") {
    if (automatic) return Format::json;
    throw UsageError("--json takes standard output; give -o FILE for --format " + o.format);
  }
  const auto is = [&](const char* name) {
    return o.format == name || (automatic && o.path.ends_with(std::string(".") + name));
  };
  Format format = automatic && o.path == "-" ? o.piped : Format::npy;
  if (own && automatic && (o.path == "-" ? own->streams : ends_with_one(o.path, own->endings))) {
    return Format::own;
  } else if (automatic && o.path.ends_with('/')) {
    return Format::files;
  } else if (is("csv")) {
    format = Format::csv;
  } else if (is("png")) {
    format = Format::png;
  } else if (automatic && o.path != "-" && !is("npy")) {
    std::string endings = ".npy, .csv and .png";
    if (own) endings = fmt::format("{}, {}", fmt::join(own->endings, ", "), endings);
    throw UsageError("the ending of \"" + o.path + "\" is none of " + endings +
                     "; give one of these, or --format");
  }
  if (format != Format::csv && o.path == "-" && ::isatty(STDOUT_FILENO))
    throw UsageError("binary data would go to the terminal; give -o FILE, or --format csv");
  return format;
}

}  // namespace

Format format_of(const Output& o) { return format_of(o, nullptr); }

Format array_format_of(const Output& o) {
  const Format format = format_of(o);
  if (format == Format::png || format == Format::files)
    throw UsageError("these numbers are no pictures; write them as .npy or .csv");
  return format;
}

Format data_format_of(const Output& o, const Model& model) {
  const Format format = format_of(o, own_kind(model));
  if (format == Format::png || format == Format::files) check_draws_pictures(model);
  return format;
}

void write_data(const Output& o, const Model& model, const std::vector<float>& rows,
                int64_t columns, const std::vector<std::string>& names) {
  const Format format = data_format_of(o, model);
  const Content& content = model.preprocessing().content;
  if (format == Format::png)
    write_grid(o.path, model, rows, columns);
  else if (format == Format::files)
    write_files(o.path, model, rows);
  else if (format == Format::own && !names.empty() && own_kind(model)->write_named)
    own_kind(model)->write_named(o.path, content, rows, names);
  else if (format == Format::own)
    own_kind(model)->write(o.path, content, rows, model.row_shape());
  else
    write_rows(o, rows, model.row_shape(), value_names(model));
}

void write_rows(const Output& o, const std::vector<float>& values, const Shape& row,
                const std::vector<std::string>& columns, const std::vector<std::string>& names) {
  Shape shape{static_cast<int64_t>(values.size()) / row.elements()};
  for (const int64_t d : row) shape.push_back(d);
  Tensor rows(shape);
  std::ranges::copy(values, rows.span<float>().begin());
  const Format format = array_format_of(o);
  if (format == Format::json)
    print_json_rows(values, shape, columns);
  else if (format == Format::csv)
    write_csv(o.path, columns, rows, names);
  else
    write_npy(o.path, rows);
}

void write_table(const Output& o, const Tensor& table, const std::vector<std::string>& columns,
                 const std::vector<std::string>& names) {
  if (array_format_of(o) == Format::csv)
    write_csv(o.path, columns, table, names);
  else
    write_npy(o.path, table);
}

std::vector<std::string> numbered(const std::string& prefix, int64_t n) {
  std::vector<std::string> names;
  for (int64_t i = 1; i <= n; ++i) names.push_back(prefix + std::to_string(i));
  return names;
}

std::string json_text(const nlohmann::json& value, int indent) {
  using Handler = nlohmann::json::error_handler_t;
  return value.dump(indent, ' ', /*ensure_ascii=*/false, Handler::replace);
}

void print_json(const nlohmann::json& result) { fmt::print("{}\n", json_text(result, 2)); }

int flush_stdout() {
  static int first = 0;
  errno = 0;
  const bool failed = std::fflush(stdout) != 0 || std::ferror(stdout);
  if (failed && first == 0) first = errno != 0 ? errno : EIO;
  return first;
}

void tell_written(const Output& o, const std::string& what) {
  if (o.path == "-") return;
  if (o.json)
    print_json({{"file", o.path}, {"what", what}});
  else
    fmt::print(stderr, "{}: {}\n", o.path, what);
}

}  // namespace latent::cli
