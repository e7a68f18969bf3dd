// The ordered candidates of a problem (conv.h, product.h): the first that accepts is taken, the
// others give their reasons.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/call.h"
#include "latent/error.h"

namespace latent::kernels {

/// Calls of a candidate that accepts, or the reason why not.
struct Offer {
  std::vector<Call> calls;
  std::string reason;
};

template <class Problem>
struct Candidate {
  const char* name;
  Offer (*offer)(const Problem&);
};

/// The calls of the first candidate that accepts, or of the one called `only` (for tests);
/// UsageError when that one refuses.
template <class Problem, size_t kCount>
std::vector<Call> take_first(const Candidate<Problem> (&candidates)[kCount], const Problem& problem,
                             std::string_view only) {
  std::vector<std::string> refused;
  for (const Candidate<Problem>& c : candidates) {
    if (!only.empty() && only != c.name) continue;
    Offer offer = c.offer(problem);
    if (offer.calls.empty()) {
      refused.push_back(std::string(c.name) + ": " + offer.reason);
      continue;
    }
    // Told where the work is, not at the packing before it.
    std::ranges::max_element(offer.calls, {}, &Call::flops)->refused = std::move(refused);
    return std::move(offer.calls);
  }
  if (only.empty()) throw InternalError("no candidate for " + problem.text());
  throw UsageError(refused.empty() ? "no candidate is called " + std::string(only) : refused[0]);
}

}  // namespace latent::kernels
