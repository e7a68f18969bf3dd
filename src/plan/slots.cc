// The store of persistent state; see latent/plan.h.
#include <algorithm>
#include <numeric>

#include "latent/plan.h"
#include "plan/near.h"

namespace latent {

namespace plan {

namespace {
size_t distance(std::string_view a, std::string_view b) {  // Levenshtein
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] != b[j])});
      diagonal = above;
    }
  }
  return row.back();
}
}  // namespace

std::string suggest(const std::string& asked, const std::vector<std::string>& names) {
  std::string best, all;
  size_t least = std::max<size_t>(2, asked.size() / 3) + 1;
  for (const std::string& n : names) {
    all += (all.empty() ? "" : ", ") + n;
    const size_t d = distance(asked, n);
    if (d < least) {
      least = d;
      best = n;
    }
  }
  if (!best.empty()) return "; did you mean \"" + best + "\"?";
  if (names.empty()) return "; there are none";
  return all.size() < 200 ? "; there are: " + all : "";
}

}  // namespace plan

Tensor& Slots::at(const std::string& name) {
  const auto found = tensors_.find(name);
  if (found != tensors_.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [n, t] : tensors_) names.push_back(n);
  throw UsageError("no slot is called \"" + name + "\"" + plan::suggest(name, names));
}

void Slots::set(const std::string& name, Tensor value) {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    tensors_.emplace(name, std::move(value));
    return;
  }
  Tensor& old = found->second;
  if (!(old.shape() == value.shape()) || old.dtype() != value.dtype()) {
    throw UsageError("the slot \"" + name + "\" is " + name_of(old.dtype()) + old.shape().text() + ", the new value is " +
                     name_of(value.dtype()) + value.shape().text());
  }
  std::copy_n(static_cast<const std::byte*>(value.raw()), value.bytes(), static_cast<std::byte*>(old.raw()));
}

}  // namespace latent
