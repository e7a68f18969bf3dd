// A data set in memory: named fields of one length, each a tensor whose first axis counts rows,
// kept in the type that the file stores. Rows become float32 only when a batch is gathered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/content.h"
#include "latent/tensor.h"

namespace latent {

struct Field {
  std::string name;  // "x" is what a model learns; "label" is for reports and conditional models
  Tensor values;     // [rows, ...]
};

/// What the numbers of a field are like; scaling and the default likelihood are chosen from it.
struct ValueRange {
  double low = 0;  // of the finite values; 0 when there is none
  double high = 0;
  bool integral = true;    // every finite value is a whole number
  int64_t not_finite = 0;  // how many are NaN or infinite
  int64_t first_not_finite_row = -1;
};

struct Scaling;

struct OpenOptions {
  /// Where the field "label" comes from: a column of a CSV file by name, or a file of one number a
  /// row (IDX, NPY, NPZ, CSV). "": nowhere.
  std::string label;
  /// The label was given for other data, which these stand beside: a file of labels is not theirs,
  /// and a table without that column, or files in no folder, have none.
  bool beside = false;
  /// Whether the first row of a CSV file names the columns; unset: found from its cells.
  std::optional<bool> csv_header;
  /// A kind of content_kinds(), array, or auto, which looks into the file.
  std::string content = "auto";
  /// What was asked of the kind's settings; a key of another kind is a UsageError.
  nlohmann::json settings = nlohmann::json::object();
  /// Reads as for a trained model, whose content this is; of `settings` then only skip_bad is
  /// looked at. Arrays are read as arrays all the same.
  const Content* as = nullptr;
};

/// What a data set tells of itself besides numbers.
struct About {
  std::vector<std::string> columns;  // names of the values of a row (CSV)
  std::vector<std::string> classes;  // what the numbers of "label" stand for, where these are texts
  std::vector<std::string> names;    // of each row, as its file's name
  std::vector<std::string> notes;    // for people, as what was converted or left out
  Content content;
};

class Dataset {
 public:
  /// Fields of equal length, at least one, with different names; else a UsageError.
  Dataset(std::string name, std::vector<Field> fields, About about = {});
  /// Copies rows of the given shape, one after another, into a field x of f32. UsageError when
  /// values.size() is not their number of elements.
  static Dataset from_memory(std::string name, std::span<const float> values, int64_t rows,
                             const Shape& row_shape);

  /// "digits", the embedded set with fields x and label; or the path of an IDX, NPY, NPZ
  /// ("file.npz:array" where it holds several) or CSV file (field x), packed by gzip or not,
  /// recognised by its content; "-" is standard input. UsageError with the nearest name when `spec`
  /// is neither or options ask for what is not there, SystemError when a file cannot be read,
  /// DataError when it holds something else or a value of x that is not finite.
  static Dataset open(const std::string& spec, const OpenOptions& options = {});

  const std::string& name() const {
    return name_;
  }  ///< Short: "digits", or the file's name without folder and endings.
  int64_t size() const { return size_; }  ///< Rows.
  const std::vector<Field>& fields() const { return fields_; }
  /// Names of the values of a row of x where the file has a name for each (CSV), else empty.
  const std::vector<std::string>& columns() const { return about_.columns; }
  /// What the numbers of "label" stand for where the file has texts, else empty.
  const std::vector<std::string>& classes() const { return about_.classes; }
  /// One text a row where rows have names, as those of files, else empty.
  const std::vector<std::string>& names() const { return about_.names; }
  /// Sentences for people about what reading changed or left out.
  const std::vector<std::string>& notes() const { return about_.notes; }
  /// How files became rows.
  const Content& content() const { return about_.content; }
  const Field& field(std::string_view name) const;  ///< UsageError when there is none.
  bool labelled() const;                            ///< A field "label" of one number a row.
  Shape row_shape(std::string_view name) const;     ///< The field's shape without its first axis.

  /// Depends on names, types, shapes and every byte of the fields, and on the content's settings;
  /// not on the data set's name or where it lies.
  uint64_t fingerprint() const;

  ValueRange range(std::string_view field) const;

  /// The given rows one after another, in the stored type. `dst` has room for exactly these.
  void read(std::string_view field, std::span<const int32_t> rows, std::span<std::byte> dst) const;

  /// The given rows as value * scale + shift, in float32 (float64 fields are rounded last).
  void gather(std::string_view field, std::span<const int32_t> rows, float* dst, float scale = 1,
              float shift = 0) const;
  /// The given rows in model space, computed in double and rounded once.
  void gather(std::string_view field, std::span<const int32_t> rows, float* dst,
              const Scaling& scaling) const;

 private:
  // Bytes of one row, after checking that every row exists.
  size_t checked_row_bytes(const Field& field, std::span<const int32_t> rows) const;

  std::string name_;
  std::vector<Field> fields_;
  About about_;
  int64_t size_ = 0;
};

}  // namespace latent
