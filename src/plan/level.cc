// Pointers, in-place slots and the order of a level's units; see level.h.
#include "plan/level.h"

#include <algorithm>

#include "kernels/reduce.h"

namespace latent::plan {

void Level::run(const ir::Program& program, const std::map<std::string, int>& given) {
  passes::Lowered lowered = passes::lower(program, options_.bf16, options_.off, options_.verify);
  p_ = std::move(lowered.program);
  units_ = std::move(lowered.units);
  reports_ = std::move(lowered.reports);
  unit_of_.assign(p_.nodes.size(), -1);
  for (size_t u = 0; u < units_.size(); ++u) {
    for (NodeId n : units_[u].nodes) unit_of_[n] = static_cast<int>(u);
  }
  find_needed();
  find_reads();
  give_pointers(given);
  choose_commits();
  schedule();
}

std::vector<int> Level::pointers() const {
  std::vector<int> all;
  for (NodeId i = 0; i < p_.nodes.size(); ++i) all.push_back(pointer(i));
  return all;
}

int Level::whole_buffer(size_t bytes) {
  const int p = built_.pointers++;
  whole_.emplace_back(p, bytes);
  return p;
}

void Level::find_needed() {
  needed_.assign(p_.nodes.size(), false);
  const auto need = [&](NodeId n) { needed_[n] = needed_[passes::root_of(p_, n)] = true; };
  for (NodeId i = 0; i < p_.nodes.size(); ++i) {
    for (NodeId in : p_.nodes[i].in) {
      if (passes::is_reading(p_.nodes[in]) && unit_of_[in] < 0) continue;
      if (unit_of_[in] < 0 || unit_of_[in] != unit_of_[i]) need(in);
    }
    if (passes::is_reading(p_.nodes[i])) {
      needed_[i] = unit_of_[i] >= 0;
      if (unit_of_[i] < 0) need(p_.nodes[i].in[0]);
    }
  }
  for (const ir::Fetch& f : p_.fetches) need(f.node);
  for (const ir::Commit& c : p_.commits) need(c.value);
  for (NodeId i = 0; i < p_.nodes.size(); ++i) {
    if (passes::is_reading(p_.nodes[i]) && unit_of_[i] < 0) needed_[i] = false;
  }
}

void Level::give_pointers(const std::map<std::string, int>& given) {
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

BoundUnit Level::bind(size_t u, int parts) const {
  const Unit& unit = units_[u];
  const Node& first = p_.nodes[unit.nodes[0]];
  BoundUnit b;
  if (unit.chain()) {
    const passes::ChainPlan c = passes::chain_of(p_, unit, needed_);
    for (NodeId o : c.outputs) b.operands.push_back(pointer_of_[o]);
    for (NodeId i : c.inputs) b.operands.push_back(pointer(i));
    b.results = c.outputs.size();
    b.calls = kernels::bind_fused(c.program, std::vector<int>(b.results, -1), false, parts);
  } else {
    std::vector<const Node*> in;
    b.operands.push_back(pointer_of_[unit.nodes[0]]);
    for (NodeId i : first.in) {
      in.push_back(&p_.nodes[i]);
      b.operands.push_back(pointer(i));
    }
    if (const auto* bind = std::get_if<ir::BindFn>(&first.op->kernel)) {
      b.calls = (*bind)(ir::BindContext{first, in});
    } else {
      const int64_t a = first.attrs.integer("first"), n = first.attrs.integer("count");
      int64_t outer = 1, mid = 1, inner = 1;
      for (int i = 0; i < in[0]->shape.rank(); ++i)
        (i < a ? outer : i < a + n ? mid : inner) *= in[0]->shape[i];
      b.calls = {kernels::bind_middle_reduction(
          std::holds_alternative<ir::MaxKernel>(first.op->kernel), outer, mid, inner)};
    }
  }
  while (b.main + 1 < b.calls.size() && !b.calls[b.main].pieces) ++b.main;
  return b;
}

std::vector<int> Level::reading_units(NodeId root) const {
  std::vector<int> units;
  for (size_t u = 0; u < units_.size(); ++u) {
    if (std::ranges::binary_search(reads_[u], root)) units.push_back(static_cast<int>(u));
  }
  return units;
}

void Level::find_reads() {
  reads_.resize(units_.size());
  for (size_t u = 0; u < units_.size(); ++u) {
    for (NodeId n : units_[u].nodes) {
      for (NodeId in : p_.nodes[n].in) {
        if (unit_of_[in] == static_cast<int>(u)) continue;
        NodeId r = in;
        if (passes::is_reading(p_.nodes[r]) && unit_of_[r] < 0) r = p_.nodes[r].in[0];
        reads_[u].push_back(passes::root_of(p_, r));
      }
    }
    std::sort(reads_[u].begin(), reads_[u].end());
    reads_[u].erase(std::unique(reads_[u].begin(), reads_[u].end()), reads_[u].end());
  }
}

bool Level::depends(int later, int earlier) const {
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

void Level::choose_commits() {
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
      if (passes::root_of(p_, chain.inputs[i]) == c.slot) free &= chain.program.inputs[i].whole();
    }
    if (!free) continue;
    for (int r : readers) {
      if (r != writer) after_.emplace_back(r, writer);
    }
    in_place_[k] = true;
    elsewhere_.insert(c.value);
    pointer_of_[c.value] = pointer_of_[c.slot];
  }
}

void Level::schedule() {
  std::vector<std::vector<int>> next(units_.size());
  std::vector<int> missing(units_.size(), 0);
  const auto edge = [&](int from, int to) {
    next[static_cast<size_t>(from)].push_back(to);
    ++missing[static_cast<size_t>(to)];
  };
  for (size_t u = 0; u < units_.size(); ++u) {
    std::set<int> from;
    for (NodeId r : memory_reads(u)) from.insert(unit_of_[r]);
    for (int f : from) {
      if (f >= 0) edge(f, static_cast<int>(u));
    }
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

}  // namespace latent::plan
