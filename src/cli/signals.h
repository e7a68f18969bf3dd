// INT and TERM as a wish: the work in hand is finished and saved. A second one leaves at once, and
// so does the first where nothing is in hand that could be lost.
#pragma once

#include <string>

namespace latent::cli {

/// From now on, instead of the default actions.
void catch_signals();
/// The number of the signal that came, 0 for none.
int signal_caught();

/// While it lives, a signal ends the process at once with its exit code, after these words on
/// standard error: for long work that writes no file before its end. One at a time.
class SignalsLeave {
 public:
  /// `heeded`: the signal that has had its effect already, 0 for none; another that came before
  /// ends the process here.
  SignalsLeave(std::string words, int heeded);
  ~SignalsLeave();
  SignalsLeave(const SignalsLeave&) = delete;
  SignalsLeave& operator=(const SignalsLeave&) = delete;

 private:
  std::string words_;
};

}  // namespace latent::cli
