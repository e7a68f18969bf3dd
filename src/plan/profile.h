// Where the time of a plan goes: runs its stages on one thread with a clock around each call, and
// computes the same bits.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "plan/build.h"

namespace latent::plan {

class Profile {
 public:
  /// Runs all parts of every call once.
  void run(const std::vector<Stage>& stages, void** pointers, const kernels::RunState& state);

  /// A table of the calls in order: microseconds (the median over runs, which a busy machine
  /// disturbs least), share, Gflop/s of products; then the sum.
  std::string text() const;

 private:
  struct Row {
    const Entry* entry;
    std::vector<double> seconds;  // in each run
    int64_t calls = 0;            // in all runs
  };
  std::vector<Row> rows_;  // in the order of the first run
  std::unordered_map<const Entry*, size_t> row_of_;
  size_t runs_ = 0;
};

}  // namespace latent::plan
