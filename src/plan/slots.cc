// The store of persistent state; see latent/plan.h.
#include <algorithm>

#include "base/near.h"
#include "latent/plan.h"

namespace latent {

Tensor& Slots::at(const std::string& name) {
  const auto found = tensors_.find(name);
  if (found != tensors_.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [n, t] : tensors_) names.push_back(n);
  throw UsageError("no slot is called \"" + name + "\"" + did_you_mean(name, names));
}

void Slots::set(const std::string& name, Tensor value) {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    tensors_.emplace(name, std::move(value));
    return;
  }
  Tensor& old = found->second;
  if (!(old.shape() == value.shape()) || old.dtype() != value.dtype()) {
    throw UsageError("the slot \"" + name + "\" is " + name_of(old.dtype()) + old.shape().text() +
                     ", the new value is " + name_of(value.dtype()) + value.shape().text());
  }
  std::copy_n(static_cast<const std::byte*>(value.raw()), value.bytes(),
              static_cast<std::byte*>(old.raw()));
}

}  // namespace latent
