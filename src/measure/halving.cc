// See halving.h.
#include "measure/halving.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "latent/error.h"

namespace latent::measure {

std::vector<int64_t> rung_epochs(int64_t settings, int64_t epochs, int64_t keep, int64_t least) {
  if (settings < 1 || epochs < 1 || keep < 2 || least < 1) {
    throw UsageError("halving takes settings and epochs, and keeps one in 2 or more; asked for " +
                     std::to_string(settings) + " settings, " + std::to_string(epochs) +
                     " epochs, one in " + std::to_string(keep));
  }
  std::vector<int64_t> rungs = {epochs};
  for (int64_t left = settings; left > 1; left = (left + keep - 1) / keep) {
    const int64_t before = rungs.back() / keep;
    if (before < least) break;
    rungs.push_back(before);
  }
  std::ranges::reverse(rungs);
  return rungs;
}

std::vector<size_t> best_settings(std::span<const double> losses, int64_t keep) {
  std::vector<size_t> order(losses.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto rank = [&](size_t i) { return std::isnan(losses[i]) ? INFINITY : losses[i]; };
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return rank(a) < rank(b); });
  const auto k = static_cast<size_t>(keep);
  order.resize((order.size() + k - 1) / k);
  return order;
}

}  // namespace latent::measure
