// Optimal string alignment distance (Damerau 1964); see near.h.
#include "base/near.h"

#include <algorithm>
#include <vector>

namespace latent {

namespace {
size_t distance(std::string_view a, std::string_view b) {
  // row[j]: edits from the first i letters of a to the first j of b; `before` and `last` are rows i
  // - 2 and i - 1.
  std::vector<size_t> before, last, row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before = last;
    last = row;
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}
}  // namespace

std::string nearest_name(std::string_view asked, std::span<const std::string_view> names) {
  size_t least = 3;
  std::string_view nearest;
  for (const std::string_view name : names) {
    if (const size_t d = distance(asked, name); d < least && 2 * d < asked.size()) {
      least = d;
      nearest = name;
    }
  }
  return std::string(nearest);
}

std::string did_you_mean(std::string_view asked, const std::vector<std::string>& names) {
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::string near = nearest_name(asked, views);
  if (!near.empty()) return "; did you mean \"" + near + "\"?";
  if (names.empty()) return "; there are none";
  std::string all;
  for (const std::string& n : names) all += (all.empty() ? "" : ", ") + n;
  return all.size() < 200 ? "; there are: " + all : "";
}

}  // namespace latent
