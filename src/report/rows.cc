// See rows.h.
#include "report/rows.h"

#include "data/dataset.h"

namespace latent::report {

std::vector<float> values_of(const Data& data, std::span<const int32_t> rows) {
  std::vector<float> x(rows.size() * static_cast<size_t>(data.row_elements()));
  data.dataset().gather("x", rows, x.data());
  return x;
}

std::vector<int32_t> labels_of(const Model& model, const Data& data,
                               std::span<const int32_t> rows) {
  if (model.architecture().classes == 0) return {};
  std::vector<float> values(rows.size());
  data.dataset().gather("label", rows, values.data());
  std::vector<int32_t> labels;
  for (const float v : values) labels.push_back(static_cast<int32_t>(v));
  return labels;
}

std::vector<int32_t> classes_in_turn(const Model& model, int64_t n, int64_t columns) {
  std::vector<int32_t> labels;
  const int64_t classes = model.architecture().classes;
  for (int64_t i = 0; classes > 0 && i < n; ++i)
    labels.push_back(static_cast<int32_t>(i % columns % classes));
  return labels;
}

}  // namespace latent::report
