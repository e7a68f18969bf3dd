// Persistent threads that take parts from each other; see team.h. Waiting spins for a while (a
// share is done within microseconds), then sleeps on the counter (futex), so that more threads than
// CPUs still make progress.
#include "base/team.h"

#include <sched.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "latent/error.h"

namespace latent {

namespace {

constexpr int kSpins = 4000;
constexpr int kPatience = 64;  // some microseconds

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

struct Abandoned {};  // thrown by share() on the other threads after one has failed

/// What is left of an owner's parts in a share: the share's number, then [begin, end). The owner
/// takes the first, others the last, by exchanging the word. A word of an earlier share says that
/// all are left: whoever takes the first part writes the new one, so that no share has to be dealt
/// before it begins.
struct Left {
  uint64_t share, begin, end;  // 28, 18 and 18 bits
  static Left of(uint64_t word) { return {word >> 36, word >> 18 & 0x3ffff, word & 0x3ffff}; }
  uint64_t word() const { return share << 36 | begin << 18 | end; }
};

}  // namespace

struct Team::Impl {
  struct alignas(64) Own {
    std::atomic<uint64_t> left{0};
    uint32_t share = 0;  // that this thread comes to next
  };
  int threads = 1;
  std::vector<std::thread> workers;
  std::unique_ptr<Own[]> own;
  std::atomic<uint32_t> round{0};    // a new walk, or the end
  std::atomic<uint32_t> running{0};  // workers still in theirs
  // The share whose parts are being run, from 1 in a run; and how many of them are done.
  alignas(64) std::atomic<uint32_t> open{0};
  std::atomic<int> done{0};
  std::atomic<bool> failed{false};
  bool stop = false;
  const std::function<void(int)>* walk = nullptr;
  std::vector<std::exception_ptr> errors;

  ~Impl() {
    drain();
    stop = true;
    round.fetch_add(1, std::memory_order_acq_rel);
    round.notify_all();
    for (std::thread& w : workers) w.join();
  }

  void call(int thread) {
    try {
      (*walk)(thread);
    } catch (const Abandoned&) {
    } catch (...) {
      errors[static_cast<size_t>(thread)] = std::current_exception();
      failed.store(true, std::memory_order_release);
      next();
    }
  }

  /// Until no worker walks.
  void drain() const {
    for (uint32_t left = running.load(std::memory_order_acquire); left;
         left = running.load(std::memory_order_acquire))
      wait_change(running, left);
  }

  void next() {
    open.fetch_add(1, std::memory_order_acq_rel);
    open.notify_all();
  }

  void work(int thread, const std::function<void()>& on_start) {
    if (on_start) on_start();
    for (uint32_t seen = 0;; ++seen) {
      if (running.fetch_sub(1, std::memory_order_acq_rel) == 1) running.notify_all();
      wait_change(round, seen);
      if (stop) return;
      call(thread);
    }
  }

  /// A part of `owner` that nobody has taken; -1: none, or the share is over.
  int take(int owner, uint32_t share, int count, bool mine) {
    std::atomic<uint64_t>& left = own[owner].left;
    uint64_t word = left.load(std::memory_order_acquire);
    for (;;) {
      Left l = Left::of(word);
      if (l.share > share) return -1;
      if (l.share < share) l = {share, 0, static_cast<uint64_t>(count)};
      if (l.begin == l.end) return -1;
      const auto part = static_cast<int>(mine ? l.begin++ : --l.end);
      if (left.compare_exchange_weak(word, l.word(), std::memory_order_acq_rel,
                                     std::memory_order_acquire))
        return part;
    }
  }
};

void Team::check(int threads) {
  if (threads < 1 || threads > 1024)
    throw UsageError("a team has 1 to 1024 threads, asked for " + std::to_string(threads));
}

Team::Team(int threads, const std::function<void()>& on_start) : impl_(std::make_unique<Impl>()) {
  check(threads);
  impl_->threads = threads;
  impl_->own = std::make_unique<Impl::Own[]>(static_cast<size_t>(threads));
  impl_->errors.resize(static_cast<size_t>(threads));
  impl_->workers.reserve(static_cast<size_t>(threads));
  for (int t = 1; t < threads; ++t) {
    impl_->running.fetch_add(1, std::memory_order_relaxed);
    try {
      impl_->workers.emplace_back([m = impl_.get(), t, on_start] { m->work(t, on_start); });
    } catch (const std::system_error& e) {
      impl_->running.fetch_sub(1, std::memory_order_acq_rel);
      throw SystemError("the system starts " + std::to_string(t) +
                            "; ask for fewer by LATENT_THREADS or --threads",
                        "a team of " + std::to_string(threads) + " threads", e.code().value());
    }
  }
  impl_->drain();
}

Team::~Team() = default;

int Team::threads() const { return impl_->threads; }

void Team::run(const std::function<void(int)>& walk) {
  wait();
  Impl& m = *impl_;
  m.walk = &walk;
  m.failed.store(false, std::memory_order_relaxed);
  m.done.store(0, std::memory_order_relaxed);
  m.open.store(1, std::memory_order_relaxed);
  for (int t = 0; t < m.threads; ++t) {
    m.own[t].left.store(0, std::memory_order_relaxed);
    m.own[t].share = 1;
  }
  m.running.store(static_cast<uint32_t>(m.threads - 1), std::memory_order_release);
  m.round.fetch_add(1, std::memory_order_acq_rel);
  m.round.notify_all();
  m.call(0);
  if (m.failed.load(std::memory_order_acquire)) wait();
}

bool Team::back() const {
  for (int i = 0; i < kPatience && impl_->running.load(std::memory_order_acquire); ++i) pause();
  return !impl_->running.load(std::memory_order_acquire);
}

void Team::wait() {
  Impl& m = *impl_;
  m.drain();
  std::exception_ptr first;
  for (std::exception_ptr& e : m.errors) {
    if (e && !first) first = e;
    e = nullptr;
  }
  if (first) std::rethrow_exception(first);
}

void Team::share(int thread, const int* counts, const void* part, Call call) {
  Impl& m = *impl_;
  int all = 0;
  for (int t = 0; t < m.threads; ++t) all += counts[t];
  if (!all) return;  // nothing would end it
  const uint32_t share = m.own[thread].share++;
  const auto over = [&] {
    const bool other = m.open.load(std::memory_order_acquire) != share;
    if (m.failed.load(std::memory_order_acquire)) throw Abandoned();
    return other;
  };
  for (int k = 0; k < m.threads && !over(); ++k) {
    const int owner = (thread + k) % m.threads;
    // Who is at its own parts will mostly finish them before another has their data in its cache.
    for (int i = 0; k == 1 && i < kPatience && !over(); ++i) pause();
    for (int at = m.take(owner, share, counts[owner], k == 0); at >= 0;
         at = m.take(owner, share, counts[owner], k == 0)) {
      call(part, owner, at);
      if (m.done.fetch_add(1, std::memory_order_acq_rel) + 1 < all) continue;
      m.done.store(0, std::memory_order_relaxed);
      m.next();
    }
  }
  while (!over()) wait_change(m.open, share);
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
