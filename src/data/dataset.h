// A data set in memory: named fields of one length, each a tensor whose first axis counts rows,
// kept in the type that the file stores. Rows become float32 only when a batch is gathered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

class Dataset {
 public:
  /// Fields of equal length, at least one, with different names; else a UsageError.
  Dataset(std::string name, std::vector<Field> fields);

  /// "digits", the embedded set with fields x and label; or the path of an IDX or NPY file (field
  /// x), packed by gzip or not, recognised by its content. UsageError with the nearest name when
  /// `spec` is neither, SystemError when a file cannot be read, DataError when it holds something
  /// else.
  static Dataset open(const std::string& spec);

  const std::string& name() const {
    return name_;
  }  ///< Short: "digits", or the file's name without folder and endings.
  int64_t size() const { return size_; }  ///< Rows.
  const std::vector<Field>& fields() const { return fields_; }
  const Field& field(std::string_view name) const;  ///< UsageError when there is none.
  Shape row_shape(std::string_view name) const;     ///< The field's shape without its first axis.

  /// Depends on names, types, shapes and every byte of the fields; not on the data set's name or
  /// where it lies.
  uint64_t fingerprint() const;

  ValueRange range(std::string_view field) const;

  /// The given rows one after another, in the stored type. `dst` has room for exactly these.
  void read(std::string_view field, std::span<const int32_t> rows, std::span<std::byte> dst) const;

  /// The given rows as value * scale + shift, in float32 (float64 fields are rounded last).
  void gather(std::string_view field, std::span<const int32_t> rows, float* dst, float scale = 1,
              float shift = 0) const;

 private:
  // Bytes of one row, after checking that every row exists.
  size_t checked_row_bytes(const Field& field, std::span<const int32_t> rows) const;

  std::string name_;
  std::vector<Field> fields_;
  int64_t size_ = 0;
};

}  // namespace latent
