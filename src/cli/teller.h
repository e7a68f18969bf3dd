// What `latent train` says while it runs: on a terminal one line that is rewritten, elsewhere a
// plain line now and then, with --json a JSON object a line on standard output.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "latent/diagnosis.h"
#include "latent/train.h"
#include "report/live_line.h"

namespace latent::cli {

class Teller {
 public:
  /// `out` is the run folder, as messages name it; `rows` those of one epoch.
  Teller(bool json, int64_t epochs, int64_t rows, std::string out);
  ~Teller();
  Teller(const Teller&) = delete;
  Teller& operator=(const Teller&) = delete;

  void operator()(const TrainEvent& e);
  void operator()(const Finding& f);

  TrainEvent::Kind last() const { return last_; }
  const Forecast& forecast() const { return forecast_; }  ///< Zeros before planned.

 private:
  using Clock = std::chrono::steady_clock;

  void tell_json(const TrainEvent& e);
  std::string text(const TrainEvent& e);
  std::string step_text(const TrainEvent& e);
  std::string epoch_text(const TrainEvent& e);
  void say(const std::string& line);  // on a line of its own
  void note(const TrainEvent& e);     // into progress_
  void draw();                        // the live line, if it is time
  void clear();                       // takes the live line away

  bool json_;
  int64_t epochs_, rows_;
  std::string out_;
  double seconds_ = 0, told_ = 0;  // of epochs so far; when the last line was told
  TrainEvent::Kind last_ = TrainEvent::Kind::planned;
  Forecast forecast_;

  bool live_, colour_;
  size_t drawn_ = 0;  // characters of the line on the terminal
  Progress progress_;
  int64_t first_step_ = 0;  // of this process
  Clock::time_point began_ = Clock::now(), drawn_at_ = began_ - std::chrono::seconds(1);
};

}  // namespace latent::cli
