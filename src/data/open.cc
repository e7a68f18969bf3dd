// Dataset::open: from a name or a path to fields, by what the file's first bytes say; see
// dataset.h.
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/near.h"
#include "data/csv.h"
#include "data/dataset.h"
#include "data/digits.h"
#include "data/folder.h"
#include "data/idx.h"
#include "data/npy.h"
#include "data/npz.h"
#include "data/plain_text.h"
#include "data/text.h"
#include "data/visit.h"
#include "data/zip.h"

namespace latent {

namespace {

using nlohmann::json;

constexpr std::string_view kKinds = "an IDX, NPY, NPZ or CSV file, or of pictures, sounds or text";

// What is met instead of data, and what to do about it.
struct Stranger {
  std::string_view start, name, advice;
};
constexpr Stranger kStrangers[] = {
    {"\x89PNG", "a PNG picture", "pictures are read from files, not from a pipe or as arrays"},
    {"\xff\xd8\xff", "a JPEG picture",
     "pictures are read from files, not from a pipe or as arrays"},
    {"\x89HDF", "an HDF5 file", "save the array with numpy.save"},
    {"PAR1", "a Parquet file", "save the table as CSV or with numpy.save"},
    {"SQLite", "an SQLite data base", "export the table as CSV"},
    {"BZh", "packed by bzip2", "unpack it, or pack it with gzip"},
    {"\xfd"
     "7zXZ",
     "packed by xz", "unpack it, or pack it with gzip"},
    {"\x28\xb5\x2f\xfd", "packed by zstd", "unpack it, or pack it with gzip"},
    {"\x80\4", "a Python pickle, which can run code and is never read", "use numpy.save"},
    {"\x80\5", "a Python pickle, which can run code and is never read", "use numpy.save"},
};

// A file's content as columns of one array.
struct Array {
  Tensor values;
  std::vector<std::string> columns;
  Tensor label;  // of a CSV column
  std::vector<std::string> classes;
  std::vector<std::string> names;  // of rows: a first CSV column "name" of texts, as encode writes
};

bool is_file(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

bool exists(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0;
}

// "folder/a.npz:x" is the array x of an existing folder/a.npz; a path that exists as it stands is
// itself.
std::pair<std::string, std::string> path_and_array(const std::string& spec) {
  const size_t colon = spec.rfind(':');
  if (colon == spec.npos || exists(spec) || !is_file(spec.substr(0, colon))) return {spec, ""};
  return {spec.substr(0, colon), spec.substr(colon + 1)};
}

[[noreturn]] void refuse(std::span<const std::byte> bytes, const std::string& path) {
  for (const Stranger& s : kStrangers) {
    if (std::ranges::equal(bytes.first(std::min(bytes.size(), s.start.size())),
                           bytes_of(s.start))) {
      throw DataError(std::string(s.name) + "; " + std::string(s.advice), path, 0);
    }
  }
  throw DataError("not " + std::string(kKinds) + ", packed by gzip or not, by its first bytes",
                  path, 0);
}

Array read_array(const std::string& spec, const CsvOptions& csv) {
  const auto [path, array] = path_and_array(spec);
  const std::string name = path == "-" ? "standard input" : path;
  const std::string file = read_gzip_or_plain(path);
  const auto bytes = bytes_of(file);
  if (bytes.empty()) throw DataError("the file is empty", name, 0);
  if (!array.empty() && !is_zip(bytes))
    throw UsageError("the array \"" + array + "\" was asked of " + name + ", which is no NPZ file");
  if (is_npy(bytes)) return {.values = parse_npy(bytes, name)};
  if (is_zip(bytes)) return {.values = parse_npz(bytes, array, name)};
  if (is_idx(bytes)) return {.values = parse_idx(bytes, name)};
  refuse_utf16(file, name);
  if (!is_text(bytes)) refuse(bytes, name);
  if (csv.label.empty() && csv.header.value_or(true) && file.starts_with("name,")) {
    CsvTable table = parse_csv(bytes, name, {.label = "name", .header = true});
    if (!table.classes.empty()) {
      Array named{.values = std::move(table.values), .columns = std::move(table.columns)};
      for (const int32_t k : table.label.span<int32_t>())
        named.names.push_back(table.classes[static_cast<size_t>(k)]);
      return named;
    }
  }
  CsvTable table = parse_csv(bytes, name, csv);
  return {std::move(table.values), std::move(table.columns), std::move(table.label),
          std::move(table.classes)};
}

void check_rows(const Tensor& values, const std::string& path) {
  if (values.shape().rank() == 0) throw DataError("a single number; a data set has rows", path);
  if (values.shape()[0] == 0) throw DataError("the array has no rows", path);
  if (values.shape()[0] > std::numeric_limits<int32_t>::max())
    throw DataError("more than 2^31 - 1 rows; split the file", path);
  if (values.elements() == 0)
    throw DataError("rows of no values: the shape is " + values.shape().text(), path);
  const auto width = static_cast<size_t>(values.elements() / values.shape()[0]);
  visit_elements(values, [&](auto elements) {
    const auto bad = std::ranges::find_if_not(
        elements, [](auto v) { return std::isfinite(static_cast<double>(v)); });
    if (bad == elements.end()) return;
    const auto at = static_cast<size_t>(bad - elements.begin());
    throw DataError("value " + std::to_string(at % width + 1) + " of row " +
                        std::to_string(at / width) + " is " +
                        (std::isnan(static_cast<double>(*bad)) ? "NaN" : "infinite") +
                        "; replace it or leave out the row",
                    path);
  });
}

// One whole number a row, as i32.
Tensor read_labels(const std::string& path, int64_t rows) {
  const Tensor values = read_array(path, {}).values;
  if (values.shape().rank() == 0 || values.elements() != values.shape()[0])
    throw DataError("labels are one number a row, but the shape is " + values.shape().text(), path);
  if (values.elements() != rows)
    throw DataError(
        std::to_string(values.elements()) + " labels for " + std::to_string(rows) + " rows of data",
        path);
  Tensor labels({rows}, DType::i32);
  visit_elements(values, [&](auto elements) {
    for (size_t i = 0; i < elements.size(); ++i) {
      const auto v = static_cast<double>(elements[i]);
      if (!(v == std::trunc(v) && std::abs(v) <= std::numeric_limits<int32_t>::max()))
        throw DataError("the label of row " + std::to_string(i) + " is " + std::to_string(v) +
                            "; labels are whole numbers",
                        path);
      labels.span<int32_t>()[i] = static_cast<int32_t>(v);
    }
  });
  return labels;
}

// The files at the path; none of a pipe, which can be read once, so that nothing may look into it
// before.
std::optional<FileSet> files_at(const std::string& path) {
  std::error_code error;
  if (!is_file(path) && !std::filesystem::is_directory(path, error)) return {};
  return FileSet::open(path);
}

// What is to read the path, or null for an array.
const ContentKind* kind_of(const std::string& spec, const std::optional<FileSet>& files,
                           const OpenOptions& options) {
  const std::string& asked = options.as ? options.as->kind : options.content;
  if (asked == "array") return nullptr;
  if (asked == "auto") return files ? recognized_kind(spec, *files) : nullptr;
  const ContentKind& kind = content_kind(asked);
  if (!options.as) return &kind;
  if (spec == "-") return kind.streams ? &kind : nullptr;
  const bool fits = files && kind.recognizes(spec, *files) &&
                    (!kind.guessed || recognized_kind(spec, *files) == &kind);
  return fits ? &kind : nullptr;
}

// Whether it is an archive of arrays alone.
bool is_npz(const FileSet& files) {
  return files.source() == FileSet::Source::zip &&
         std::ranges::all_of(files.files(),
                             [](const FoundFile& f) { return f.name.ends_with(".npy"); });
}

// Arrays go with every model, and what only looks like prose may be a table.
void refuse_other_kind(const std::string& path, const FileSet& files, const std::string& models) {
  const ContentKind* found = recognized_kind(path, files);
  if (!found || found->name == models || (models == "array" && found->streams)) return;
  throw DataError("it holds " + found->name + ", and the model was trained on " +
                      (models == "array" ? "arrays" : models),
                  path);
}

// A text that is named like a picture or a sound, which would be read as a table.
void refuse_misnamed(const std::string& path, const FileSet& files) {
  const ContentKind* named = named_kind(path);
  if (!named || named->guessed || files.source() != FileSet::Source::file ||
      !is_prose(files.start(0)))
    return;
  throw DataError("it is named like " + named->name + ", but holds text; give the " + named->name +
                      ", or name it .txt if the text is meant, .csv if a table",
                  path);
}

// Whether each file has a label: its folder, or behind it in a list.
bool files_labelled(const FileSet& set, const std::string& how) {
  return std::ranges::all_of(set.files(), [&](const FoundFile& f) {
    return how == "list" ? !f.label.empty() : f.name.find('/') != f.name.npos;
  });
}

[[noreturn]] void refuse_files(const std::string& path) {
  std::string kinds;
  for (const ContentKind& kind : content_kinds()) kinds += "\n  " + kind.name + ": " + kind.doc;
  throw DataError("none of the first files in it is of a kind that can be read:" + kinds, path);
}

}  // namespace

Dataset Dataset::open(const std::string& spec, const OpenOptions& options) {
  std::vector<Field> fields;
  if (spec == "digits") {
    if (!options.label.empty() && options.label != "label" && !options.beside)
      throw UsageError("the digits have their own labels; \"" + options.label + "\" was asked for");
    fields.push_back({"x", digits_images()});
    fields.push_back({"label", digits_labels()});
    return Dataset(spec, std::move(fields));
  }
  if (spec != "-" && spec.find_first_of("/.") == spec.npos && !exists(spec)) {
    constexpr std::string_view kNames[] = {"digits"};
    const std::string near = nearest_name(spec, kNames);
    throw UsageError("no data set or file named \"" + spec + "\"; " +
                     (near.empty() ? "give \"digits\" or the path of " + std::string(kKinds)
                                   : "did you mean \"" + near + "\"?"));
  }
  const bool label_file = is_file(path_and_array(options.label).first);
  const std::string label = label_file && options.beside ? "" : options.label;
  std::optional<FileSet> files;  // unless it is said what they are
  if (options.as || options.content == "auto" || options.content == "array") files = files_at(spec);
  if (const ContentKind* kind = kind_of(spec, files, options)) {
    json settings = options.as ? options.as->settings
                               : resolve_config(kind->fields, options.settings, kind->name);
    // Of this reading, not of the data: a model does not keep it.
    const bool skips = settings.contains("skip_bad");
    if (options.as && skips) settings["skip_bad"] = options.settings.value("skip_bad", false);
    const bool missing =
        options.beside && !label.empty() && !(files && files_labelled(*files, label));
    Dataset data = kind->open(spec, settings, options.as, missing ? "" : label);
    if (skips) data.about_.content.settings["skip_bad"] = false;
    return data;
  }
  if (files && options.as) refuse_other_kind(spec, *files, options.as->kind);
  if (files && options.content != "array") refuse_misnamed(spec, *files);
  if (files && files->source() != FileSet::Source::file && !is_npz(*files)) refuse_files(spec);
  if (!options.as && !options.settings.empty()) {
    throw UsageError(options.settings.begin().key() + " was given, but " + spec +
                     " holds an array, which is read as it is");
  }
  Array content = read_array(spec, {.label = label_file ? "" : label,
                                    .label_may_miss = options.beside,
                                    .header = options.csv_header});
  check_rows(content.values, spec);
  if (options.as && !options.as->array()) {
    if (const auto& check = content_kind(options.as->kind).check_array)
      check(*options.as, content.values, spec);
  }
  const int64_t rows = content.values.shape()[0];
  fields.push_back({"x", std::move(content.values)});
  if (content.label.shape().rank() > 0) {
    fields.push_back({"label", std::move(content.label)});
  } else if (label_file && !options.beside) {
    fields.push_back({"label", read_labels(label, rows)});
  } else if (!label.empty() && !options.beside) {
    throw UsageError("no file of labels named \"" + options.label + "\", and " + spec +
                     " is no CSV file that could have such a column");
  }
  return Dataset(short_name(path_and_array(spec).first), std::move(fields),
                 {.columns = std::move(content.columns),
                  .classes = std::move(content.classes),
                  .names = std::move(content.names)});
}

Dataset Dataset::from_memory(std::string name, std::span<const float> values, int64_t rows,
                             const Shape& row_shape) {
  if (rows < 0 || row_shape.rank() == Shape::kMaxRank)
    throw UsageError(std::to_string(rows) + " rows of shape " + row_shape.text() +
                     " cannot be a data set");
  Shape shape{rows};
  for (const int64_t d : row_shape) shape.push_back(d);
  if (static_cast<int64_t>(values.size()) != shape.elements()) {
    throw UsageError(std::to_string(rows) + " rows of shape " + row_shape.text() + " are " +
                     std::to_string(shape.elements()) + " values, but " +
                     std::to_string(values.size()) + " were given");
  }
  std::vector<Field> fields;
  fields.push_back({"x", Tensor(shape)});
  std::ranges::copy(values, fields[0].values.span<float>().begin());
  return Dataset(std::move(name), std::move(fields));
}

}  // namespace latent
