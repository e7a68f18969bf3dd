// Successive halving (Jamieson and Talwalkar 2016, arXiv 1502.07943): all settings are trained a
// little, the better ones on, until few are trained in full.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace latent::measure {

/// Epochs after which settings are compared, rising to `epochs`, each about `keep` times the one
/// before: as many rungs as leave one setting at the end, but none below `least` epochs.
std::vector<int64_t> rung_epochs(int64_t settings, int64_t epochs, int64_t keep, int64_t least);

/// The ceil(n / keep) settings of least loss, best first; ties by place. A loss that is no number
/// comes last.
std::vector<size_t> best_settings(std::span<const double> losses, int64_t keep);

}  // namespace latent::measure
