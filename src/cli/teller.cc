// Events in words; see teller.h.
#include "cli/teller.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cli/output.h"

namespace latent::cli {

namespace {

std::string parts_text(const Parts& parts) {
  std::string s;
  for (const auto& [name, value] : parts)
    s += fmt::format("{}{} {:.4f}", s.empty() ? "" : "  ", name, value);
  return s;
}

nlohmann::json parts_json(const Parts& parts) {
  nlohmann::json j = nlohmann::json::object();
  for (const auto& [name, value] : parts) j[name] = value;
  return j;
}

const char* kind_name(TrainEvent::Kind kind) {
  constexpr const char* kNames[] = {"planned", "resumed", "step",    "epoch", "rollback",
                                    "warning", "saved",   "stopped", "early", "finished"};
  return kNames[static_cast<size_t>(kind)];
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

bool stderr_moves() { return ::isatty(STDERR_FILENO) && environment("TERM") != "dumb"; }

/// Columns of the terminal that stderr is, but the last, where some terminals wrap.
int live_width() {
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return (known ? size.ws_col : 80) - 1;
}

}  // namespace

Teller::Teller(bool json, int64_t epochs, int64_t rows, std::string out)
    : json_(json),
      epochs_(epochs),
      rows_(rows),
      out_(std::move(out)),
      live_(!json && stderr_moves()),
      colour_(environment("NO_COLOR").empty()) {
  progress_.epochs = epochs;
}

Teller::~Teller() { clear(); }

void Teller::operator()(const TrainEvent& e) {
  using Kind = TrainEvent::Kind;
  seconds_ += e.kind == Kind::epoch ? e.seconds : 0;
  last_ = e.kind;
  if (e.kind == Kind::planned) forecast_ = e.forecast;
  if (json_) {
    tell_json(e);
    return;
  }
  note(e);
  const bool moving = e.kind == Kind::step || (e.kind == Kind::epoch && e.epoch != epochs_);
  if (live_ && moving) {
    draw();
    return;
  }
  const std::string line = text(e);
  if (!line.empty()) say(line);
}

void Teller::operator()(const Finding& f) {
  if (json_) {
    const nlohmann::json j = {{"event", "finding"},
                              {"code", f.code},
                              {"fault", f.kind == Finding::Kind::fault},
                              {"message", f.sentence},
                              {"advice", f.advice}};
    fmt::print("{}\n", json_text(j));
    return;
  }
  say(fmt::format("{}: {}{}{}", f.code, f.sentence, f.advice.empty() ? "" : "; try: ", f.advice));
}

void Teller::say(const std::string& line) {
  clear();
  fmt::print(stderr, "{}\n", line);
}

void Teller::note(const TrainEvent& e) {
  using Kind = TrainEvent::Kind;
  if (e.kind == Kind::planned) {
    progress_.steps = epochs_ * e.forecast.steps_per_epoch;
    began_ = Clock::now();
  }
  if (e.kind == Kind::resumed) first_step_ = e.step;
  if (e.kind != Kind::step && e.kind != Kind::epoch && e.kind != Kind::rollback) return;
  progress_.epoch = std::min(e.epoch + 1, epochs_);
  progress_.step = e.step;
  if (!e.training.empty()) progress_.parts = e.training;
  if (!e.validation.empty()) progress_.held_out = e.validation.front().second;
  progress_.validated = progress_.validated || !e.validation.empty();
  const double elapsed = std::chrono::duration<double>(Clock::now() - began_).count();
  const auto done = static_cast<double>(e.step - first_step_);
  if (elapsed < 0.1 || done <= 0) return;
  const auto steps = static_cast<double>(std::max<int64_t>(forecast_.steps_per_epoch, 1));
  progress_.rows_per_second = done / elapsed * static_cast<double>(rows_) / steps;
  progress_.seconds_left = static_cast<double>(progress_.steps - e.step) * elapsed / done;
}

void Teller::draw() {
  if (Clock::now() - drawn_at_ < std::chrono::milliseconds(100)) return;
  drawn_at_ = Clock::now();
  const int width = live_width();
  // Spaces over what a longer line left: no escape code is needed, so that NO_COLOR has none.
  const std::string plain = live_line(progress_, width, false);
  const std::string rest(drawn_ > plain.size() ? drawn_ - plain.size() : 0, ' ');
  fmt::print(stderr, "\r{}{}", colour_ ? live_line(progress_, width, true) : plain, rest);
  std::fflush(stderr);
  drawn_ = plain.size();
}

void Teller::clear() {
  if (drawn_ == 0) return;
  fmt::print(stderr, "\r{}\r", std::string(drawn_, ' '));
  std::fflush(stderr);
  drawn_ = 0;
}

void Teller::tell_json(const TrainEvent& e) {
  if (e.kind == TrainEvent::Kind::step) {
    if (e.seconds - told_ < 1) return;
    told_ = e.seconds;
  }
  nlohmann::json j = {{"event", kind_name(e.kind)}, {"epoch", e.epoch}, {"step", e.step}};
  if (!e.training.empty()) j["training"] = parts_json(e.training);
  if (!e.validation.empty()) j["validation"] = parts_json(e.validation);
  if (!e.message.empty()) j["message"] = e.message;
  if (e.seconds > 0) j["seconds"] = e.seconds;
  if (e.kind == TrainEvent::Kind::planned) {
    j["parameters"] = e.forecast.parameters;
    j["peak_bytes"] = e.forecast.peak_bytes;
    j["seconds_per_epoch"] = e.forecast.seconds_per_epoch;
  }
  fmt::print("{}\n", json_text(j));
  flush_stdout();
}

std::string Teller::text(const TrainEvent& e) {
  using Kind = TrainEvent::Kind;
  switch (e.kind) {
    case Kind::planned:
      return fmt::format(
          "{} parameters, {:.1f} MB at the peak, about {:.2g} s an epoch of {} steps",
          e.forecast.parameters, static_cast<double>(e.forecast.peak_bytes) / 1e6,
          e.forecast.seconds_per_epoch, e.forecast.steps_per_epoch);
    case Kind::resumed:
      return fmt::format("resumed {} after {} epochs, at step {}", out_, e.epoch, e.step);
    case Kind::step:
      return step_text(e);
    case Kind::epoch:
      return epoch_text(e);
    case Kind::rollback:
    case Kind::warning:
      return e.message;
    case Kind::saved:
      return "";
    case Kind::stopped:
      return fmt::format("stopped at step {}, saved in {}; the same command goes on from there",
                         e.step, out_);
    case Kind::early:
      return fmt::format("stopped early after {} epochs: the validation gets no better", e.epoch);
    case Kind::finished:
      return e.message;
  }
  return "";
}

/// A sign of life in long epochs, every 5 s.
std::string Teller::step_text(const TrainEvent& e) {
  if (e.seconds - told_ < 5) return "";
  told_ = e.seconds;
  return fmt::format("epoch {:3}/{}  step {}  {}", e.epoch + 1, epochs_, e.step,
                     parts_text(e.training));
}

/// About twenty lines a run, the first and the last epoch among them.
std::string Teller::epoch_text(const TrainEvent& e) {
  const int64_t every = std::max<int64_t>(1, epochs_ / 20);
  if (e.epoch % every && e.epoch != epochs_ && e.epoch != 1) return "";
  told_ = std::max(told_, seconds_);
  return fmt::format("epoch {:3}/{}  {}{}{}  {:.1f} s", e.epoch, epochs_, parts_text(e.training),
                     e.validation.empty() ? "" : "  held out: ", parts_text(e.validation),
                     seconds_);
}

}  // namespace latent::cli
