// Handlers that do nothing but note the signal; see signals.h.
#include "cli/signals.h"

#include <unistd.h>

#include <csignal>

namespace latent::cli {

namespace {

volatile std::sig_atomic_t caught = 0;

void note(int number) {
  if (caught) ::_exit(128 + number);
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

}  // namespace latent::cli
