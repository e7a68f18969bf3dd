// Text of Plan::explain; see explain.h.
#include "plan/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/words.h"

namespace latent::plan {

namespace {

/// Whether something else than chains reads or writes a pointer's memory: other calls, fetches, and
/// the world outside the plan's own memory (feeds, slots).
std::vector<bool> shared_pointers(const Built& built) {
  std::vector<bool> shared(static_cast<size_t>(built.pointers), true);
  const auto set = [&](int pointer, bool to) { shared[static_cast<size_t>(pointer)] = to; };
  for (const Placement& p : built.placements) set(p.pointer, false);
  for (int pointer : built.fetched) set(pointer, true);
  for_each_stage(built.stages, [&](const Stage& stage, int64_t) {
    for (const Entry& e : stage.entries) {
      for (const Entry::Local& l : e.locals) set(l.pointer, false);
    }
    if (stage.loop) {
      for (const Loop::Slide& s : stage.loop->slides) set(s.base, true);
    }
    for_each_call(stage, [&](const Entry& e) {
      // Chains, and their ends.
      if (!e.call.traffic.written.empty() || e.call.kernel == "combine") return;
      for (int p : e.operands) set(p, true);
    });
  });
  return shared;
}

/// Bytes that the chains of `stages` move, beside those of the shared buffers among them, each read
/// once and written once.
void count_traffic(const std::vector<Stage>& stages, const std::vector<bool>& shared, int64_t times,
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
          if (shared[static_cast<size_t>(pointer)]) to[pointer] = std::max(to[pointer], bytes[k]);
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
    number += !stage.entries.empty();
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
  for_each_stage(built.stages, [&](const Stage& stage, int64_t times) {
    s.stages += !stage.entries.empty();
    for_each_call(stage, [&](const Entry& e) {
      ++s.calls;
      s.parts = std::max(s.parts, static_cast<size_t>(e.call.parts));
      s.flops += e.call.flops * static_cast<double>(times);
    });
  });
  count_traffic(built.stages, shared_pointers(built), 1, s);
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
