// The thread team that runs the parts of a plan. Threads are made once. A run is walked by all of
// them, each for itself; what is to be done comes in shares, whose parts any thread may take.
// Which thread runs which part never changes a result. Within a run nobody waits for a thread, only
// for parts: one that sleeps or that the system has taken away comes late and finds its parts done.
// The next run begins when all have come.
#pragma once

#include <functional>
#include <memory>

namespace latent {

class Team {
 public:
  /// `threads` >= 1, the caller's among them; `on_start` has run once on each of the others (e.g.
  /// pinning a library's threads) when the team is made.
  explicit Team(int threads, const std::function<void()>& on_start = {});
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  /// Throws UsageError where there are no teams of so many threads.
  static void check(int threads);

  int threads() const;

  /// Has every thread call `walk(thread)`, the caller as thread 0, and returns when the caller's
  /// has: then all that was shared is done. Others may still be walking: `walk` and what it reads
  /// apart from parts must stay until wait(). An exception ends the run: the first (lowest thread)
  /// is rethrown here.
  void run(const std::function<void(int thread)>& walk);

  /// Whether no thread walks any more, or none after some microseconds.
  bool back() const;

  /// Returns when no thread walks any more; rethrows what one has thrown since.
  void wait();

  /// To be called by every thread from inside `walk`, in the same order with the same counts: runs
  /// `part(owner, k)` once for each k of 0..counts[owner], on the owner's thread, or on another
  /// that has nothing left while the owner is behind. Returns when all are done.
  template <class Part>
  void share(int thread, const int* counts, const Part& part) {
    share(thread, counts, &part,
          [](const void* p, int owner, int k) { (*static_cast<const Part*>(p))(owner, k); });
  }
  static constexpr int kMostParts = (1 << 18) - 1;  // of an owner

 private:
  using Call = void (*)(const void* part, int owner, int k);
  void share(int thread, const int* counts, const void* part, Call call);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// LATENT_THREADS, else the number of CPUs this process may use.
int default_threads();

}  // namespace latent
