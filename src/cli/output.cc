// Writing rows; see output.h.
#include "cli/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "data/csv.h"
#include "data/npy.h"
#include "latent/error.h"

namespace latent::cli {

void add_output_flags(Flags& flags, Output& output) {
  flags.add("-o,--out", "FILE", output.path,
            "file to write, .npy, .csv or .png (pictures); - is standard output");
  flags.add("--format", "FORMAT", output.format,
            fmt::format("auto (by the ending of FILE; {} for -), npy, csv, png",
                        output.piped == Format::csv ? "csv" : "npy"),
            {"auto", "npy", "csv", "png"});
}

Format format_of(const Output& o) {
  Format format = o.format == "auto" && o.path == "-" ? o.piped : Format::npy;
  if (o.format == "csv" || (o.format == "auto" && o.path.ends_with(".csv"))) {
    format = Format::csv;
  } else if (o.format == "png" || (o.format == "auto" && o.path.ends_with(".png"))) {
    format = Format::png;
  } else if (o.format == "auto" && o.path != "-" && !o.path.ends_with(".npy")) {
    throw UsageError("the ending of \"" + o.path +
                     "\" is none of .npy, .csv and .png; give one of these, or --format");
  }
  if (format != Format::csv && o.path == "-" && ::isatty(STDOUT_FILENO))
    throw UsageError("binary data would go to the terminal; give -o FILE, or --format csv");
  return format;
}

Format array_format_of(const Output& o) {
  const Format format = format_of(o);
  if (format == Format::png)
    throw UsageError("these numbers are no pictures; write them as .npy or .csv");
  return format;
}

void write_rows(const Output& o, const std::vector<float>& values, const Shape& row,
                const std::vector<std::string>& columns) {
  Shape shape{static_cast<int64_t>(values.size()) / row.elements()};
  for (const int64_t d : row) shape.push_back(d);
  Tensor rows(shape);
  std::ranges::copy(values, rows.span<float>().begin());
  if (format_of(o) == Format::csv)
    write_csv(o.path, columns, rows);
  else
    write_npy(o.path, rows);
}

void write_table(const Output& o, const Tensor& table, const std::vector<std::string>& columns) {
  if (format_of(o) == Format::csv)
    write_csv(o.path, columns, table);
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

void tell_written(const Output& o, const std::string& what) {
  if (o.path != "-") fmt::print(stderr, "{}: {}\n", o.path, what);
}

}  // namespace latent::cli
