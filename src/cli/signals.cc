// Handlers that note the signal, or leave; see signals.h.
#include "cli/signals.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <utility>

namespace latent::cli {

namespace {

volatile std::sig_atomic_t caught = 0;
std::atomic<const char*> last_words = nullptr;                 // of a SignalsLeave
static_assert(std::atomic<const char*>::is_always_lock_free);  // a handler reads it

/// What handlers may call, no more.
[[noreturn]] void leave(int number, const char* words) {
  // Where standard error takes no words, the exit code says enough.
  if (words) [[maybe_unused]]
    const auto written = ::write(STDERR_FILENO, words, std::strlen(words));
  ::_exit(128 + number);
}

void note(int number) {
  const char* words = last_words;
  if (caught || words) leave(number, words);
  caught = number;
}

}  // namespace

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = note;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int signal_caught() { return caught; }

SignalsLeave::SignalsLeave(std::string words, int heeded) : words_(std::move(words)) {
  last_words = words_.c_str();
  if (caught != heeded) leave(caught, last_words);
}

SignalsLeave::~SignalsLeave() { last_words = nullptr; }

}  // namespace latent::cli
