// The public handle on a data set; see latent/data.h.
#include "latent/data.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "data/dataset.h"

namespace latent {

Data::Data(Dataset dataset) : dataset_(std::make_shared<const Dataset>(std::move(dataset))) {}

Data Data::open(const std::string& spec, const std::string& label,
                const std::map<std::string, std::string>& settings) {
  OpenOptions options{.label = label};
  const std::vector<ConfigField> fields = content_fields();
  for (const auto& [name, text] : settings) {
    if (name == "content") {
      options.content = text;
      continue;
    }
    const auto found = std::ranges::find(fields, name, &ConfigField::name);
    if (found == fields.end()) throw UsageError("there is no setting \"" + name + "\" of data");
    options.settings[name] = parse_value(*found, text);
  }
  return Data(Dataset::open(spec, options));
}

Data Data::rows(std::span<const float> values, const Shape& row_shape, const std::string& name) {
  const int64_t width = row_shape.elements();
  const auto found = static_cast<int64_t>(values.size());
  if (width < 1 || found % width != 0) {
    throw UsageError(std::to_string(found) + " values are no whole number of rows of shape " +
                     row_shape.text());
  }
  return Data(Dataset::from_memory(name, values, found / width, row_shape));
}

const std::string& Data::name() const { return dataset_->name(); }
int64_t Data::size() const { return dataset_->size(); }
Shape Data::row_shape() const { return dataset_->row_shape("x"); }
int64_t Data::row_elements() const { return row_shape().elements(); }

std::vector<float> Data::values(int64_t first, int64_t count) const {
  if (count < 0) count = size() - first;
  if (first < 0 || count < 0 || count > size() - first) {
    throw UsageError("rows " + std::to_string(first) + " to " + std::to_string(first + count - 1) +
                     " were asked of " + name() + ", which has " + std::to_string(size()));
  }
  std::vector<int32_t> rows(static_cast<size_t>(count));
  std::iota(rows.begin(), rows.end(), static_cast<int32_t>(first));
  std::vector<float> x(static_cast<size_t>(count * row_elements()));
  dataset_->gather("x", rows, x.data());
  return x;
}

}  // namespace latent
