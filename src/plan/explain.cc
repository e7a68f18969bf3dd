// Text of Plan::explain; see explain.h.
#include "plan/explain.h"

#include <fmt/format.h>

namespace latent::plan {

namespace {

void count_stages(const std::vector<Stage>& stages, int64_t times, PlanStats& s) {
  for (const Stage& stage : stages) {
    if (stage.loop) {
      count_stages(stage.loop->stages, times * stage.loop->length, s);
      continue;
    }
    s.stages += stage.parts > 0;
    for (const Entry& e : stage.entries) {
      ++s.calls;
      s.parts = std::max(s.parts, static_cast<size_t>(e.call.parts));
      s.flops += e.call.flops * static_cast<double>(times);
    }
  }
}

void print(const std::vector<Stage>& stages, const std::string& indent, std::string& out) {
  int number = 0;
  for (const Stage& stage : stages) {
    if (stage.loop) {
      out += fmt::format("{}loop of {} iterations{}\n", indent, stage.loop->length,
                         stage.loop->reverse ? ", from the last" : "");
      print(stage.loop->stages, indent + "  ", out);
      continue;
    }
    if (!stage.parts) continue;
    ++number;
    for (const Entry& e : stage.entries) {
      out += fmt::format("{}{:3}  {}", indent, number, e.call.kernel);
      if (e.call.parts > 1) out += fmt::format(", {} parts", e.call.parts);
      if (e.call.flops > 0) out += fmt::format(", {:.3g} Mflop", e.call.flops / 1e6);
      if (e.where.line) out += "  (" + e.where.text() + ")";
      out += "\n";
      for (const std::string& reason : e.call.refused)
        out += indent + "       not " + reason + "\n";
    }
  }
}

}  // namespace

PlanStats count(const Built& built) {
  PlanStats s;
  s.arena_bytes = built.arena_bytes;
  s.live_bytes = built.live_bytes;
  s.nodes = built.program.nodes.size();
  count_stages(built.stages, 1, s);
  return s;
}

std::string explain(const Built& built, const PlanStats& s, int threads) {
  std::string out;
  out += fmt::format(
      "memory: {:.1f} KiB at most = arena {:.1f} (largest sum alive {:.1f}) + feeds {:.1f} + slots "
      "{:.1f}\n",
      static_cast<double>(s.peak_bytes()) / 1024, static_cast<double>(s.arena_bytes) / 1024,
      static_cast<double>(s.live_bytes) / 1024, static_cast<double>(s.feed_bytes) / 1024,
      static_cast<double>(s.slot_bytes) / 1024);
  out += fmt::format("work: {} calls in {} stages, {:.3g} Mflop in products, {} thread{}\n",
                     s.calls, s.stages, s.flops / 1e6, threads, threads == 1 ? "" : "s");
  out += "passes:";
  for (const passes::PassReport& r : built.reports)
    out += fmt::format(" {} {}->{} ({:.2f} ms)", r.name, r.nodes_before, r.nodes_after,
                       r.milliseconds);
  out += "\nstages:\n";
  print(built.stages, "", out);
  return out;
}

}  // namespace latent::plan
