// One level of a plan in the making: a program, or the body of a scan. Lowers it, gives its values
// pointers, decides which slots are written where they lie, and orders its units; emit.cc then
// makes stages and places buffers.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "ir/op.h"
#include "plan/build.h"

namespace latent::plan {

inline size_t bytes_of(const ir::Node& n) {
  return static_cast<size_t>(n.shape.elements()) * size_of(n.dtype);
}

using ir::Kind;
using ir::Node;
using ir::NodeId;
using passes::Unit;

/// Plans one level: the program, or the body of a scan inside it.
class Level {
 public:
  Level(Built& built, const CompileOptions& options) : built_(built), options_(options) {}

  /// `given` are nodes whose memory the level does not own (captured values); others get pointers
  /// here.
  void run(const ir::Program& program, const std::map<std::string, int>& given) {
    passes::Lowered lowered = passes::lower(program, options_.bf16, options_.off, options_.verify);
    p_ = std::move(lowered.program);
    units_ = std::move(lowered.units);
    reports_ = std::move(lowered.reports);
    unit_of_.assign(p_.nodes.size(), -1);
    for (size_t u = 0; u < units_.size(); ++u) {
      for (NodeId n : units_[u].nodes) unit_of_[n] = static_cast<int>(u);
    }
    find_needed();
    give_pointers(given);
    choose_commits();
    schedule();
  }

  const ir::Program& program() const { return p_; }
  int pointer(NodeId n) const { return pointer_of_[passes::root_of(p_, n)]; }
  std::vector<int> pointers() const {
    std::vector<int> all;
    for (NodeId i = 0; i < p_.nodes.size(); ++i) all.push_back(pointer(i));
    return all;
  }
  std::vector<passes::PassReport>& reports() { return reports_; }

  /// Emits stages and places buffers; in a body, values are kept alive to the end for the copies
  /// that follow.
  std::vector<Stage> emit(std::vector<Placement>& placements, size_t& arena, size_t& live);

  /// A pointer for a buffer of this level, alive from its first stage to its last.
  int whole_buffer(size_t bytes) {
    const int p = built_.pointers++;
    whole_.emplace_back(p, bytes);
    return p;
  }

 private:
  void find_needed() {
    needed_.assign(p_.nodes.size(), false);
    const auto need = [&](NodeId n) { needed_[n] = needed_[passes::root_of(p_, n)] = true; };
    for (NodeId i = 0; i < p_.nodes.size(); ++i) {
      for (NodeId in : p_.nodes[i].in) {
        if (p_.nodes[in].op->kind == Kind::broadcast && unit_of_[in] < 0) continue;
        if (unit_of_[in] < 0 || unit_of_[in] != unit_of_[i]) need(in);
      }
      if (p_.nodes[i].op->kind == Kind::broadcast) {
        needed_[i] = unit_of_[i] >= 0;
        if (unit_of_[i] < 0) need(p_.nodes[i].in[0]);
      }
    }
    for (const ir::Fetch& f : p_.fetches) need(f.node);
    for (const ir::Commit& c : p_.commits) need(c.value);
    for (NodeId i = 0; i < p_.nodes.size(); ++i) {
      if (p_.nodes[i].op->kind == Kind::broadcast && unit_of_[i] < 0) needed_[i] = false;
    }
  }

  void give_pointers(const std::map<std::string, int>& given) {
    pointer_of_.assign(p_.nodes.size(), -1);
    for (NodeId i = 0; i < p_.nodes.size(); ++i) {
      const Node& n = p_.nodes[i];
      if (passes::is_source(n)) {
        const bool named = !n.in.size() && n.attrs.list().size() == 3;
        const auto found = named ? given.find(n.attrs.word("name")) : given.end();
        pointer_of_[i] = found != given.end() ? found->second : built_.pointers++;
        if (!named)
          built_.constants.emplace_back(pointer_of_[i], static_cast<float>(n.attrs.real("value")));
      } else if (needed_[i] && n.op->kind != Kind::view) {
        pointer_of_[i] = built_.pointers++;
      }
    }
  }

  /// Units that read the memory of a node.
  std::vector<int> reading_units(NodeId root) const {
    std::vector<int> units;
    for (size_t u = 0; u < units_.size(); ++u) {
      for (NodeId r : memory_reads(u)) {
        if (r == root) {
          units.push_back(static_cast<int>(u));
          break;
        }
      }
    }
    return units;
  }

  /// Roots that a unit reads from memory.
  const std::vector<NodeId>& memory_reads(size_t u) const {
    if (reads_.empty()) {
      reads_.resize(units_.size());
      for (size_t k = 0; k < units_.size(); ++k) {
        for (NodeId n : units_[k].nodes) {
          for (NodeId in : p_.nodes[n].in) {
            NodeId r = in;
            if (unit_of_[r] == static_cast<int>(k)) continue;
            if (p_.nodes[r].op->kind == Kind::broadcast && unit_of_[r] < 0) r = p_.nodes[r].in[0];
            reads_[k].push_back(passes::root_of(p_, r));
          }
        }
        std::sort(reads_[k].begin(), reads_[k].end());
        reads_[k].erase(std::unique(reads_[k].begin(), reads_[k].end()), reads_[k].end());
      }
    }
    return reads_[u];
  }

  bool depends(int later,
               int earlier) const {  // is there a path from unit `earlier` to unit `later`?
    std::vector<bool> seen(units_.size(), false);
    std::vector<int> stack{later};
    while (!stack.empty()) {
      const int u = stack.back();
      stack.pop_back();
      if (u == earlier) return true;
      if (seen[static_cast<size_t>(u)]) continue;
      seen[static_cast<size_t>(u)] = true;
      for (NodeId r : memory_reads(static_cast<size_t>(u))) {
        if (unit_of_[r] >= 0) stack.push_back(unit_of_[r]);
      }
      for (const auto& [reader, writer] : after_) {
        if (writer == u) stack.push_back(reader);
      }
    }
    return false;
  }

  /// A slot is written where it lies when its new value comes from a chain that can run after all
  /// other readers.
  void choose_commits() {
    in_place_.assign(p_.commits.size(), false);
    for (size_t k = 0; k < p_.commits.size(); ++k) {
      const ir::Commit& c = p_.commits[k];
      const int writer = unit_of_[c.value];
      const Node& v = p_.nodes[c.value];
      if (writer < 0 || !units_[static_cast<size_t>(writer)].chain() ||
          v.op->kind != Kind::elementwise)
        continue;
      bool free = true;
      for (size_t j = 0; j < p_.commits.size(); ++j) {
        free &= passes::root_of(p_, p_.commits[j].value) != c.slot;
        free &= j == k || p_.commits[j].value != c.value;
      }
      for (const ir::Fetch& f : p_.fetches) free &= passes::root_of(p_, f.node) != c.slot;
      std::vector<int> readers = reading_units(c.slot);
      for (int r : readers) free &= r == writer || !depends(r, writer);
      // The chain itself may read the slot element by element only.
      const passes::ChainPlan chain =
          passes::chain_of(p_, units_[static_cast<size_t>(writer)], needed_);
      for (size_t i = 0; i < chain.inputs.size(); ++i) {
        if (passes::root_of(p_, chain.inputs[i]) == c.slot)
          free &= chain.program.inputs[i].access == kernels::Access::full;
      }
      if (!free) continue;
      for (int r : readers) {
        if (r != writer) after_.emplace_back(r, writer);
      }
      in_place_[k] = true;
      pointer_of_[c.value] = pointer_of_[c.slot];
    }
  }

  /// Order of the units: operands first; a unit that writes slots as soon as it may, else in the
  /// order of the trace.
  void schedule() {
    std::vector<std::vector<int>> next(units_.size());
    std::vector<int> missing(units_.size(), 0);
    const auto edge = [&](int from, int to) {
      next[static_cast<size_t>(from)].push_back(to);
      ++missing[static_cast<size_t>(to)];
    };
    for (size_t u = 0; u < units_.size(); ++u) {
      std::vector<int> from;
      for (NodeId r : memory_reads(u)) {
        if (unit_of_[r] >= 0) from.push_back(unit_of_[r]);
      }
      std::sort(from.begin(), from.end());
      from.erase(std::unique(from.begin(), from.end()), from.end());
      for (int f : from) edge(f, static_cast<int>(u));
    }
    for (const auto& [reader, writer] : after_) edge(reader, writer);
    std::vector<bool> commits(units_.size(), false);
    for (size_t k = 0; k < p_.commits.size(); ++k) {
      if (in_place_[k]) commits[static_cast<size_t>(unit_of_[p_.commits[k].value])] = true;
    }
    std::vector<int> ready;
    for (size_t u = 0; u < units_.size(); ++u) {
      if (!missing[u]) ready.push_back(static_cast<int>(u));
    }
    while (!ready.empty()) {
      const auto best = std::min_element(ready.begin(), ready.end(), [&](int a, int b) {
        const bool ca = commits[static_cast<size_t>(a)], cb = commits[static_cast<size_t>(b)];
        return ca != cb ? ca
                        : units_[static_cast<size_t>(a)].nodes.back() <
                              units_[static_cast<size_t>(b)].nodes.back();
      });
      const int u = *best;
      ready.erase(best);
      order_.push_back(u);
      for (int n : next[static_cast<size_t>(u)]) {
        if (!--missing[static_cast<size_t>(n)]) ready.push_back(n);
      }
    }
    if (order_.size() != units_.size()) throw InternalError("the schedule has a cycle");
  }

  Built& built_;
  const CompileOptions& options_;
  ir::Program p_;
  std::vector<Unit> units_;
  std::vector<passes::PassReport> reports_;
  std::vector<int> unit_of_, pointer_of_, order_;
  std::vector<bool> needed_, in_place_;
  std::vector<std::pair<int, int>> after_;  // (reader, writer)
  mutable std::vector<std::vector<NodeId>> reads_;
  std::vector<std::pair<int, size_t>> whole_;

  friend class Emitter;
};

}  // namespace latent::plan
