// The timed runner and its table; see profile.h.
#include "plan/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/denormals.h"
#include "plan/walk.h"

namespace latent::plan {

namespace {
double median(std::vector<double> v) {
  const auto middle = v.begin() + static_cast<ptrdiff_t>(v.size() / 2);
  std::nth_element(v.begin(), middle, v.end());
  return *middle;
}
}  // namespace

void Profile::run(const std::vector<Stage>& stages, void** pointers,
                  const kernels::RunState& state) {
  using Clock = std::chrono::steady_clock;
  const DenormalsAreZero denormals;
  ++runs_;
  walk(stages, pointers, state,
       [&](const Entry& e, int from, int to, const kernels::RunState& now) {
         const auto begin = Clock::now();
         run_call(e, from, to, pointers, now);
         const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
         const auto [row, first] = row_of_.try_emplace(&e, rows_.size());
         if (first) rows_.push_back({&e, {}});
         Row& r = rows_[row->second];
         r.seconds.resize(runs_);
         r.seconds.back() += seconds;
         r.calls += from == 0;
       });
}

std::string Profile::text() const {
  std::vector<double> seconds;
  double total = 0;
  for (const Row& r : rows_) total += seconds.emplace_back(median(r.seconds));
  std::string out;
  for (size_t i = 0; i < rows_.size(); ++i) {
    const Entry& e = *rows_[i].entry;
    out += fmt::format("{:10.2f} us {:5.1f} %", seconds[i] * 1e6, 100 * seconds[i] / total);
    const double flops =
        e.call.flops * static_cast<double>(rows_[i].calls) / static_cast<double>(runs_);
    out += flops > 0 ? fmt::format(" {:6.1f} Gflop/s", flops / seconds[i] * 1e-9)
                     : std::string(15, ' ');
    out += "  " + e.call.kernel;
    if (e.where.line) out += "  (" + e.where.text() + ")";
    out += "\n";
  }
  return out + fmt::format("{:10.2f} us in all, one thread\n", total * 1e6);
}

}  // namespace latent::plan
