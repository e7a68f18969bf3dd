// Running the stages of a plan, alone or by the threads of a team.
#pragma once

#include <vector>

#include "base/team.h"
#include "plan/build.h"

namespace latent::plan {

/// Deals the parts of each stage to so many threads: Stage::dealt.
void deal(std::vector<Stage>& stages, int threads);

/// Runs all stages on the calling thread, by run(entry, from, to, state) for the parts of each
/// call.
template <class Run>
void walk(const std::vector<Stage>& stages, void** pointers, const kernels::RunState& state,
          const Run& run) {
  for (const Stage& s : stages) {
    if (s.loop) {
      kernels::RunState inner = state;
      for (int64_t i = 0; i < s.loop->length; ++i) {
        inner.iteration = s.loop->turn(i, pointers);
        walk(s.loop->stages, pointers, inner, run);
      }
    }
    for (const Entry& e : s.entries) {
      for_parts(e, 0, e.call.parts, pointers,
                [&](const Entry& call, int from, int to) { run(call, from, to, state); });
    }
  }
}
void walk(const std::vector<Stage>& stages, void** pointers, const kernels::RunState& state);

/// One thread's walk over stages that were dealt; every thread of the team walks all of them, with
/// pointers of its own, since loops move some.
void walk(const std::vector<Stage>& stages, Team& team, int thread, void** pointers,
          const kernels::RunState& state);

}  // namespace latent::plan
