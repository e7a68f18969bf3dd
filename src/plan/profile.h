// Where the time of a plan goes: runs its stages on one thread with a clock around each call.
// Stands beside the runner of walk.cc and computes the same bits.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "plan/build.h"

namespace latent::plan {

/// What each call took, by its entry: seconds in each run of the plan, and how often it ran in one.
struct Profile {
  struct Cost {
    std::vector<double> seconds;
    int64_t calls = 0;
  };
  std::unordered_map<const Entry*, Cost> costs;
  size_t runs = 0;
};

/// Runs all parts of every call once, as one more run of the profile.
void run_timed(const std::vector<Stage>& stages, void** pointers, kernels::RunState state,
               Profile& profile);

/// A table of the calls in order: microseconds (the median over runs, which a busy machine
/// disturbs least), share, Gflop/s of products; then the sum.
std::string profile_text(const std::vector<Stage>& stages, Profile profile);

}  // namespace latent::plan
