// Text of Plan::explain; see explain.h.
#include "plan/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/words.h"

namespace latent::plan {

namespace {

/// Pointers whose memory something else than chains reads or writes: other calls, fetches, and the
/// world outside the arena (feeds, slots).
class Shared {
 public:
  explicit Shared(const Built& built) : inside_(static_cast<size_t>(built.pointers), false) {
    for (const Placement& p : built.placements) inside_[static_cast<size_t>(p.pointer)] = true;
    find_locals(built.stages);
    for (const ir::Fetch& f : built.program.fetches) mark(built.pointer_of[f.node]);
    mark(built.stages);
  }
  bool operator()(int pointer) const { return !inside_[static_cast<size_t>(pointer)]; }

 private:
  void find_locals(const std::vector<Stage>& stages) {
    for (const Stage& stage : stages) {
      if (stage.loop) find_locals(stage.loop->stages);
      for (const Entry& e : stage.entries) {
        for (const Entry::Local& l : e.locals) inside_[static_cast<size_t>(l.pointer)] = true;
      }
    }
  }
  void mark(int pointer) { inside_[static_cast<size_t>(pointer)] = false; }
  void mark(const std::vector<Stage>& stages) {
    for (const Stage& stage : stages) {
      if (stage.loop) {
        mark(stage.loop->stages);
        for (const Loop::Slide& s : stage.loop->slides) mark(s.base);
      }
      for_each_call(stage, [&](const Entry& e) {
        if (!e.call.traffic.written.empty()) return;
        if (e.call.kernel == "combine") return;  // the end of a chain
        for (int p : e.operands) mark(p);
      });
    }
  }
  std::vector<bool> inside_;  // the plan's own memory, touched by chains alone
};

/// Bytes that the chains of `stages` move, beside those of the shared buffers among them, each read
/// once and written once.
void count_traffic(const std::vector<Stage>& stages, const Shared& shared, int64_t times,
                   PlanStats& s) {
  std::map<int, size_t> written, read;  // by pointer
  size_t moved = 0;
  for (const Stage& stage : stages) {
    if (stage.loop) count_traffic(stage.loop->stages, shared, times * stage.loop->length, s);
    for_each_call(stage, [&](const Entry& e) {
      const kernels::Traffic& t = e.call.traffic;
      if (!t.written.empty()) moved += 2 * e.call.scratch_bytes;
      const auto add = [&](const std::vector<size_t>& bytes, size_t first,
                           std::map<int, size_t>& to) {
        for (size_t k = 0; k < bytes.size(); ++k) {
          moved += bytes[k];
          const int pointer = e.operands[first + k];
          if (shared(pointer)) to[pointer] = std::max(to[pointer], bytes[k]);
        }
      };
      add(t.written, 0, written);
      add(t.read, t.written.size(), read);
    });
  }
  size_t needed = 0;
  for (const auto* buffers : {&written, &read}) {
    for (const auto& [pointer, bytes] : *buffers) needed += bytes;
  }
  s.chain_bytes += static_cast<double>(moved) * static_cast<double>(times);
  s.chain_distinct_bytes += static_cast<double>(needed) * static_cast<double>(times);
}

void count_stages(const std::vector<Stage>& stages, int64_t times, PlanStats& s) {
  for (const Stage& stage : stages) {
    if (stage.loop) {
      count_stages(stage.loop->stages, times * stage.loop->length, s);
      continue;
    }
    s.stages += stage.parts > 0;
    for_each_call(stage, [&](const Entry& e) {
      ++s.calls;
      s.parts = std::max(s.parts, static_cast<size_t>(e.call.parts));
      s.flops += e.call.flops * static_cast<double>(times);
    });
  }
}

void print(const Entry& e, const std::string& indent, std::string& out) {
  out += indent + e.call.kernel;
  if (e.call.parts > 1) out += fmt::format(", {} parts", e.call.parts);
  if (e.call.flops > 0) out += fmt::format(", {:.3g} Mflop", e.call.flops / 1e6);
  if (e.where.line) out += "  (" + e.where.text() + ")";
  out += "\n";
  for (const std::string& reason : e.call.refused)
    out += std::string(indent.size() + 2, ' ') + "not " + reason + "\n";
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
      print(e, fmt::format("{}{:3}  ", indent, number), out);
      for (const Entry& next : e.then) print(next, fmt::format("{}{:3}+ ", indent, number), out);
    }
  }
}

}  // namespace

PlanStats count(const Built& built, int threads) {
  PlanStats s;
  s.arena_bytes = built.bytes(threads);
  s.live_bytes = built.live_bytes + static_cast<size_t>(threads) * built.local_live_bytes;
  s.nodes = built.program.nodes.size();
  count_stages(built.stages, 1, s);
  count_traffic(built.stages, Shared(built), 1, s);
  return s;
}

std::string explain(const Built& built, const PlanStats& s, int threads) {
  std::string out;
  out += fmt::format(
      "memory: {:.1f} KiB at most = arena {:.1f} (largest sum alive {:.1f}, of each thread alone "
      "{:.1f}) + feeds {:.1f} + slots {:.1f}\n",
      static_cast<double>(s.peak_bytes()) / 1024, static_cast<double>(s.arena_bytes) / 1024,
      static_cast<double>(s.live_bytes) / 1024, static_cast<double>(built.local_bytes) / 1024,
      static_cast<double>(s.feed_bytes) / 1024, static_cast<double>(s.slot_bytes) / 1024);
  out += fmt::format("work: {} calls in {} stages, {:.3g} Mflop in products, {}\n", s.calls,
                     s.stages, s.flops / 1e6, counted(threads, "thread"));
  if (s.chain_distinct_bytes > 0) {
    out += fmt::format("chains: move {:.1f} KiB, {:.2f} of their distinct inputs and outputs\n",
                       s.chain_bytes / 1024, s.chain_bytes / s.chain_distinct_bytes);
  }
  out += "passes:";
  for (const passes::PassReport& r : built.reports)
    out += fmt::format(" {} {}->{} ({:.2f} ms)", r.name, r.nodes_before, r.nodes_after,
                       r.milliseconds);
  out += "\n";
  if (!built.once.empty()) out += "before the first run:\n";
  print(built.once, "", out);
  out += "stages:\n";
  print(built.stages, "", out);
  return out;
}

}  // namespace latent::plan
