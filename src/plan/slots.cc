// The store of persistent state; see latent/plan.h.
#include <algorithm>

#include "base/near.h"
#include "latent/plan.h"

namespace latent {

Tensor& Slots::at(const std::string& name) { return entry_named(tensors_, "slot", name); }

void Slots::set(const std::string& name, Tensor value) {
  const auto [entry, first] = tensors_.try_emplace(name, std::move(value));
  if (first) return;
  Tensor& old = entry->second;
  if (!(old.shape() == value.shape()) || old.dtype() != value.dtype()) {
    throw UsageError("the slot \"" + name + "\" is " + name_of(old.dtype()) + old.shape().text() +
                     ", the new value is " + name_of(value.dtype()) + value.shape().text());
  }
  std::ranges::copy(value.as_bytes(), old.as_bytes().begin());
}

}  // namespace latent
