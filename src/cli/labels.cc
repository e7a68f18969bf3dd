// See labels.h.
#include "cli/labels.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "base/near.h"
#include "data/dataset.h"

namespace latent::cli {

std::vector<int32_t> labels_of(const Data& data) {
  if (!data.dataset().labelled()) {
    throw UsageError(data.name() +
                     " has no labels; give --label COLUMN of a CSV file, or --label FILE with one "
                     "number a row");
  }
  const std::span<const int32_t> labels = data.dataset().field("label").values.span<int32_t>();
  return {labels.begin(), labels.end()};
}

std::string label_name(const Data& data, int32_t label) {
  const std::vector<std::string>& classes = data.dataset().classes();
  const bool named = label >= 0 && label < std::ssize(classes);
  return named ? classes[static_cast<size_t>(label)] : std::to_string(label);
}

std::vector<uint8_t> strange_rows(const Data& data, const std::string& names) {
  const std::vector<int32_t> labels = labels_of(data);
  const std::set<int32_t> distinct(labels.begin(), labels.end());
  std::set<std::string> known, asked;
  for (const int32_t label : distinct) known.insert(label_name(data, label));
  std::istringstream list(names);
  for (std::string name; std::getline(list, name, ',');) {
    if (!known.contains(name))
      throw UsageError("no row of " + data.name() + " has the label \"" + name + "\"" +
                       did_you_mean(name, {known.begin(), known.end()}));
    asked.insert(name);
  }
  if (asked.empty()) {
    if (known != std::set<std::string>{"0", "1"})
      throw UsageError("labels of " + data.name() +
                       " are not 0 and 1; say with --anomaly which ones are strange" +
                       did_you_mean("", {known.begin(), known.end()}));
    asked.insert("1");
  }
  std::vector<uint8_t> strange(labels.size());
  std::ranges::transform(labels, strange.begin(), [&](int32_t label) {
    return static_cast<uint8_t>(asked.contains(label_name(data, label)));
  });
  return strange;
}

}  // namespace latent::cli
