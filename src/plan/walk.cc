// The walk over stages; see walk.h. A loop's stages are walked once an iteration.
#include "plan/walk.h"

#include <algorithm>
#include <string>

#include "base/denormals.h"
#include "latent/error.h"

namespace latent::plan {

namespace {

/// One thread's walk among those of a team.
class Walker {
 public:
  Walker(Team& team, int thread, void** pointers, const kernels::RunState& state)
      : team_(team), thread_(thread), pointers_(pointers), state_(state) {}

  void walk(const std::vector<Stage>& stages) {
    for (auto s = stages.begin(); s != stages.end();) {
      if (s->loop)
        loop(*s++->loop);
      else
        s = share(s, stages.end());
    }
  }

 private:
  using Place = std::vector<Stage>::const_iterator;

  void run(const Entry& e, int from, int to) const {
    for_parts(e, from, to, pointers_, [&](const Entry& call, int begin, int end) {
      run_call(call, begin, end, pointers_, state_);
    });
  }

  void loop(const Loop& l) {
    const int64_t before = state_.iteration;
    for (int64_t i = 0; i < l.length; ++i) {
      state_.iteration = l.turn(i, pointers_);
      walk(l.stages);
    }
    state_.iteration = before;
  }

  /// Shares a stage, or the stages of one part from there on, which are one piece of work. Returns
  /// the place behind.
  Place share(Place begin, Place last) const {
    if (!begin->dealt.empty()) {
      team_.share(thread_, begin->counts.data(), [&](int owner, int k) {
        const auto [entry, part] = begin->dealt[static_cast<size_t>(owner)][static_cast<size_t>(k)];
        run(begin->entries[static_cast<size_t>(entry)], part, part + 1);
      });
      return begin + 1;
    }
    const Place end =
        std::find_if(begin, last, [](const Stage& s) { return s.loop || !s.dealt.empty(); });
    team_.share(thread_, begin->counts.data(), [&](int, int) {
      for (Place s = begin; s != end; ++s) {
        for (const Entry& e : s->entries) run(e, 0, e.call.parts);
      }
    });
    return end;
  }

  Team& team_;
  int thread_;
  void** pointers_;
  kernels::RunState state_;
  DenormalsAreZero denormals_;
};

}  // namespace

void deal(std::vector<Stage>& stages, int threads) {
  for (Stage& s : stages) {
    if (s.loop) deal(s.loop->stages, threads);
    s.counts.assign(static_cast<size_t>(threads), 0);
    s.counts[0] = 1;
    int all = 0;
    for (const Entry& e : s.entries) all += e.call.parts;
    if (all <= 1) continue;
    s.dealt.resize(static_cast<size_t>(threads));
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
        throw InternalError("a stage has " + std::to_string(all) + " parts");
      s.counts[t] = static_cast<int>(s.dealt[t].size());
    }
  }
}

void walk(const std::vector<Stage>& stages, void** pointers, const kernels::RunState& state) {
  const DenormalsAreZero denormals;
  walk(stages, pointers, state,
       [&](const Entry& e, int from, int to, const kernels::RunState& now) {
         run_call(e, from, to, pointers, now);
       });
}

void walk(const std::vector<Stage>& stages, Team& team, int thread, void** pointers,
          const kernels::RunState& state) {
  Walker(team, thread, pointers, state).walk(stages);
}

}  // namespace latent::plan
