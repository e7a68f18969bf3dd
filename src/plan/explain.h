// A built plan in words and numbers: what `explain` prints and what stats() counts.
#pragma once

#include <string>

#include "plan/build.h"

namespace latent::plan {

PlanStats count(const Built& built, int threads);
std::string explain(const Built& built, const PlanStats& stats, int threads);

}  // namespace latent::plan
