// The walk over stages; see walk.h. A loop's stages are walked once an iteration.
#include "plan/walk.h"

#include <string>

#include "base/denormals.h"
#include "latent/error.h"

namespace latent::plan {

namespace {

void run_parts(const Entry& e, int from, int to, void** pointers, const kernels::RunState& state) {
  for_parts(e, from, to, pointers, [&](const Entry& call, int begin, int end) {
    run_call(call, begin, end, pointers, state);
  });
}
void run_stage(const Stage& s, void** pointers, const kernels::RunState& state) {
  for (const Entry& e : s.entries) run_parts(e, 0, e.call.parts, pointers, state);
}

class Walker {
 public:
  Walker(Team* team, int thread, void** pointers, const kernels::RunState& state)
      : team_(team), thread_(thread), pointers_(pointers), state_(state) {}

  void walk(const std::vector<Stage>& stages) {
    for (size_t i = 0; i < stages.size();) {
      const Stage& s = stages[i];
      if (s.loop) {
        loop(*s.loop);
        ++i;
      } else if (!team_) {
        run_stage(s, pointers_, state_);
        ++i;
      } else {
        i = share(stages, i);
      }
    }
  }

 private:
  void loop(const Loop& l) {
    const int64_t before = state_.iteration;
    for (int64_t i = 0; i < l.length; ++i) {
      state_.iteration = l.turn(i, pointers_);
      walk(l.stages);
    }
    state_.iteration = before;
  }

  /// Shares stage i, or the stages of one part from there on, which are one piece of work. Returns
  /// the index behind.
  size_t share(const std::vector<Stage>& stages, size_t i) {
    const Stage& s = stages[i];
    if (s.parts > 1) {
      team_->share(thread_, s.counts.data(), [&](int owner, int k) {
        const auto [entry, part] = s.dealt[static_cast<size_t>(owner)][static_cast<size_t>(k)];
        run_parts(s.entries[static_cast<size_t>(entry)], part, part + 1, pointers_, state_);
      });
      return i + 1;
    }
    size_t end = i;
    while (end < stages.size() && !stages[end].loop && stages[end].parts <= 1) ++end;
    team_->share(thread_, s.counts.data(), [&](int, int) {
      for (size_t k = i; k < end; ++k) run_stage(stages[k], pointers_, state_);
    });
    return end;
  }

  Team* team_;
  int thread_;
  void** pointers_;
  kernels::RunState state_;
  DenormalsAreZero denormals_;
};

}  // namespace

void deal(std::vector<Stage>& stages, int threads) {
  for (Stage& s : stages) {
    if (s.loop) deal(s.loop->stages, threads);
    s.dealt.assign(static_cast<size_t>(threads), {});
    s.counts.assign(static_cast<size_t>(threads), 0);
    s.counts[0] = 1;
    if (s.loop || s.parts <= 1) continue;
    // Each entry is cut evenly by itself, so that equal pieces of one picture stay with a thread;
    // the parts that remain are dealt in turn.
    int turn = 0;
    for (size_t e = 0; e < s.entries.size(); ++e) {
      const int parts = s.entries[e].call.parts, each = parts / threads;
      for (int part = 0; part < parts; ++part) {
        const int thread = part < each * threads ? part / each : turn++ % threads;
        s.dealt[static_cast<size_t>(thread)].emplace_back(static_cast<int>(e), part);
      }
    }
    for (size_t t = 0; t < s.dealt.size(); ++t) {
      if (s.dealt[t].size() > static_cast<size_t>(Team::kMostParts))
        throw InternalError("a stage has " + std::to_string(s.parts) + " parts");
      s.counts[t] = static_cast<int>(s.dealt[t].size());
    }
  }
}

void walk(const std::vector<Stage>& stages, void** pointers, const kernels::RunState& state) {
  Walker(nullptr, 0, pointers, state).walk(stages);
}

void walk(const std::vector<Stage>& stages, Team& team, int thread, void** pointers,
          const kernels::RunState& state) {
  Walker(&team, thread, pointers, state).walk(stages);
}

}  // namespace latent::plan
