// Running the stages of a plan, alone or by the threads of a team.
#pragma once

#include <vector>

#include "base/team.h"
#include "plan/build.h"

namespace latent::plan {

/// Deals the parts of each stage to so many threads: Stage::dealt.
void deal(std::vector<Stage>& stages, int threads);

/// Runs all stages on the calling thread.
void walk(const std::vector<Stage>& stages, void** pointers, const kernels::RunState& state);

/// One thread's walk over stages that were dealt; every thread of the team walks all of them, with
/// pointers of its own, since loops move some.
void walk(const std::vector<Stage>& stages, Team& team, int thread, void** pointers,
          const kernels::RunState& state);

}  // namespace latent::plan
