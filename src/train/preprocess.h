// How data become inputs of a model and back: how files became rows, the rows' shape and their
// scaling, kept in the model file.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/scaling.h"

namespace latent {

struct Preprocessing {
  std::vector<int64_t> row_shape;  // of one row of the data
  Scaling scaling;
  std::vector<std::string> columns;  // names of the values of a row, of tables; else empty
  Content content;

  int64_t inputs() const;  ///< Values of one row.

  nlohmann::json json() const;  ///< Without the content's blobs.
  /// DataError naming `path` when something is missing or out of range.
  static Preprocessing from_json(const nlohmann::json& j, const std::string& path);
};

/// `scaling` is auto, which follows the data, or a kind of data/scaling.h. Computed from `rows`.
Preprocessing choose_preprocessing(const Dataset& data, const std::string& scaling,
                                   std::span<const int32_t> rows);

}  // namespace latent
