// Rows to train on, from a file, embedded, or from memory.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "latent/error.h"
#include "latent/tensor.h"

namespace latent {

class Dataset;

/// A handle on a data set, copied freely; what it names never changes.
class LATENT_API Data {
 public:
  /// "digits", the embedded set, or the path of an IDX, NPY, NPZ or CSV file, or of a file, folder,
  /// list, .zip or .tar of pictures, recognised by its
  /// content; "-" is standard input. `label`: a column of a CSV file by name, or a file of one
  /// number a row. UsageError, SystemError or DataError as the file deserves.
  /// `settings` say how files of pictures, text or sound become rows, by the names and in the words
  /// of `latent train --help`, as {"size", "64"}; {"content", KIND} where looking into the file
  /// would not tell.
  static Data open(const std::string& spec, const std::string& label = "",
                   const std::map<std::string, std::string>& settings = {});
  /// Copies values.size() / elements of row_shape rows out of memory. UsageError when that is no
  /// whole number.
  static Data rows(std::span<const float> values, const Shape& row_shape,
                   const std::string& name = "memory");
  explicit Data(Dataset dataset);

  const std::string& name() const;
  int64_t size() const;          ///< Rows.
  Shape row_shape() const;       ///< Of one row of the field x.
  int64_t row_elements() const;  ///< Values of one row.
  /// Rows first .. first + count - 1 of x as float32, [count, row_elements()]; -1: to the end.
  std::vector<float> values(int64_t first = 0, int64_t count = -1) const;
  const Dataset& dataset() const { return *dataset_; }

 private:
  std::shared_ptr<const Dataset> dataset_;
};

}  // namespace latent
