// The thread team that runs the parts of a plan. Threads are made once; work is a list of stages
// walked by all of them with a barrier between stages. Which thread runs which part never changes a
// result.
#pragma once

#include <functional>
#include <memory>

namespace latent {

class Team {
 public:
  /// `threads` >= 1, the caller's among them; `on_start` runs once on each of the others (e.g.
  /// pinning a library's threads).
  explicit Team(int threads, const std::function<void()>& on_start = {});
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int threads() const;

  /// Runs `body(thread)` on every thread of the team at once, the caller as thread 0, and returns
  /// when all have. The first exception (lowest thread) is rethrown here.
  void run(const std::function<void(int thread)>& body);

  /// To be called by every thread from inside `run`: waits for all. Spins a while, then sleeps.
  void barrier();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// LATENT_THREADS, else the number of CPUs this process may use.
int default_threads();

}  // namespace latent
