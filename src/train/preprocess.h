// How values of the data become inputs of a model and back, chosen from the data and kept in the
// model file.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace latent {

struct Preprocessing {
  std::vector<int64_t> row_shape;  // of one row of the data
  double scale = 1, shift = 0;     // input = value * scale + shift

  int64_t inputs() const;
  void apply(std::span<float> values) const;
  void undo(std::span<float> values) const;

  nlohmann::json json() const;
  /// DataError naming `path` when something is missing or out of range.
  static Preprocessing from_json(const nlohmann::json& j, const std::string& path);
};

/// `scaling` is auto, none or minmax (to [0, 1]); `reason`, when given, says in one line what was
/// done and why. DataError naming the row when values are not finite.
Preprocessing choose_preprocessing(const Dataset& data, const std::string& scaling,
                                   std::string* reason = nullptr);

}  // namespace latent
