// Persistent threads with a barrier; see team.h. Waiting spins for a while (a barrier inside a step
// comes back within microseconds), then sleeps on the counter (futex), so that more threads than
// CPUs still make progress.
#include "base/team.h"

#include <sched.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "latent/error.h"

namespace latent {

namespace {

constexpr int kSpins = 4000;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Waits until `value` is no longer `old`.
void wait_change(const std::atomic<uint32_t>& value, uint32_t old) {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause();
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

struct Abandoned {};  // thrown by barrier() on the other threads after one has failed

}  // namespace

struct Team::Impl {
  int threads = 1;
  std::vector<std::thread> workers;
  std::atomic<uint32_t> round{0};              // a new body, or the end
  std::atomic<uint32_t> running{0};            // workers still in the body
  std::atomic<uint32_t> arrived{0}, phase{0};  // of the barrier
  std::atomic<bool> failed{false};
  bool stop = false;
  const std::function<void(int)>* body = nullptr;
  std::vector<std::exception_ptr> errors;

  void call(int thread) {
    try {
      (*body)(thread);
    } catch (const Abandoned&) {
    } catch (...) {
      errors[static_cast<size_t>(thread)] = std::current_exception();
      failed.store(true, std::memory_order_release);
      phase.fetch_add(1, std::memory_order_acq_rel);
      phase.notify_all();
    }
  }

  void work(int thread, const std::function<void()>& on_start) {
    if (on_start) on_start();
    uint32_t seen = 0;
    for (;;) {
      wait_change(round, seen);
      ++seen;
      if (stop) return;
      call(thread);
      if (running.fetch_sub(1, std::memory_order_acq_rel) == 1) running.notify_all();
    }
  }
};

Team::Team(int threads, const std::function<void()>& on_start) : impl_(std::make_unique<Impl>()) {
  if (threads < 1 || threads > 1024)
    throw UsageError("a team has 1 to 1024 threads, asked for " + std::to_string(threads));
  impl_->threads = threads;
  impl_->errors.resize(static_cast<size_t>(threads));
  for (int t = 1; t < threads; ++t)
    impl_->workers.emplace_back([this, t, on_start] { impl_->work(t, on_start); });
}

Team::~Team() {
  impl_->stop = true;
  impl_->round.fetch_add(1, std::memory_order_acq_rel);
  impl_->round.notify_all();
  for (std::thread& w : impl_->workers) w.join();
}

int Team::threads() const { return impl_->threads; }

void Team::run(const std::function<void(int)>& body) {
  Impl& m = *impl_;
  m.body = &body;
  m.failed.store(false, std::memory_order_relaxed);
  m.arrived.store(0, std::memory_order_relaxed);
  for (std::exception_ptr& e : m.errors) e = nullptr;
  m.running.store(static_cast<uint32_t>(m.threads - 1), std::memory_order_release);
  m.round.fetch_add(1, std::memory_order_acq_rel);
  m.round.notify_all();
  m.call(0);
  for (uint32_t left = m.running.load(std::memory_order_acquire); left;
       left = m.running.load(std::memory_order_acquire)) {
    wait_change(m.running, left);
  }
  for (const std::exception_ptr& e : m.errors) {
    if (e) std::rethrow_exception(e);
  }
}

void Team::barrier() {
  Impl& m = *impl_;
  if (m.failed.load(std::memory_order_acquire)) throw Abandoned();
  const uint32_t phase = m.phase.load(std::memory_order_acquire);
  if (m.arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == static_cast<uint32_t>(m.threads)) {
    m.arrived.store(0, std::memory_order_relaxed);
    m.phase.fetch_add(1, std::memory_order_acq_rel);
    m.phase.notify_all();
    return;
  }
  wait_change(m.phase, phase);
  if (m.failed.load(std::memory_order_acquire)) throw Abandoned();
}

int default_threads() {
  if (const char* text = std::getenv("LATENT_THREADS"); text && *text) {
    char* end = nullptr;
    const long n = std::strtol(text, &end, 10);
    if (*end || n < 1 || n > 1024)
      throw UsageError("LATENT_THREADS is \"" + std::string(text) +
                       "\"; it must be a number from 1 to 1024");
    return static_cast<int>(n);
  }
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return 1;
}

}  // namespace latent
