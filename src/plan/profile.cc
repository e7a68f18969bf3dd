// The timed runner and its table; see profile.h.
#include "plan/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/denormals.h"

namespace latent::plan {

namespace {

void walk(const std::vector<Stage>& stages, void** pointers, kernels::RunState state,
          Profile& profile) {
  using Clock = std::chrono::steady_clock;
  for (const Stage& stage : stages) {
    if (stage.loop) {
      kernels::RunState inner = state;
      for (int64_t i = 0; i < stage.loop->length; ++i) {
        inner.iteration = stage.loop->turn(i, pointers);
        walk(stage.loop->stages, pointers, inner, profile);
      }
      continue;
    }
    const auto timed = [&](const Entry& e, int from, int to) {
      const auto begin = Clock::now();
      run_call(e, from, to, pointers, state);
      Profile::Cost& cost = profile.costs[&e];
      if (cost.seconds.size() < profile.runs) cost = {cost.seconds, 0}, cost.seconds.push_back(0);
      cost.seconds.back() += std::chrono::duration<double>(Clock::now() - begin).count();
      cost.calls += from == 0;
    };
    for (const Entry& e : stage.entries) for_parts(e, 0, e.call.parts, pointers, timed);
  }
}

double median(std::vector<double>& v) {
  const auto middle = v.begin() + static_cast<ptrdiff_t>(v.size() / 2);
  std::nth_element(v.begin(), middle, v.end());
  return *middle;
}

struct Row {
  const Entry* entry;
  double seconds;
  int64_t calls;
};
void collect(const std::vector<Stage>& stages, Profile& profile, std::vector<Row>& rows) {
  for (const Stage& stage : stages) {
    if (stage.loop) collect(stage.loop->stages, profile, rows);
    for_each_call(stage, [&](const Entry& e) {
      const auto found = profile.costs.find(&e);
      if (found != profile.costs.end())
        rows.push_back({&e, median(found->second.seconds), found->second.calls});
    });
  }
}

}  // namespace

void run_timed(const std::vector<Stage>& stages, void** pointers, kernels::RunState state,
               Profile& profile) {
  const DenormalsAreZero denormals;
  ++profile.runs;
  walk(stages, pointers, state, profile);
}

std::string profile_text(const std::vector<Stage>& stages, Profile profile) {
  std::vector<Row> rows;
  collect(stages, profile, rows);
  double total = 0;
  for (const Row& r : rows) total += r.seconds;
  std::string out;
  for (const Row& r : rows) {
    out += fmt::format("{:10.2f} us {:5.1f} %", r.seconds * 1e6, 100 * r.seconds / total);
    const double flops = r.entry->call.flops * static_cast<double>(r.calls);
    out += flops > 0 ? fmt::format(" {:6.1f} Gflop/s", flops / r.seconds * 1e-9)
                     : std::string(15, ' ');
    out += "  " + r.entry->call.kernel;
    if (r.entry->where.line) out += "  (" + r.entry->where.text() + ")";
    out += "\n";
  }
  return out + fmt::format("{:10.2f} us in all, one thread\n", total * 1e6);
}

}  // namespace latent::plan
