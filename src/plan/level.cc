// Pointers, in-place slots and the order of a level's units, and the build of a plan's topmost
// level; see level.h and build.h.
#include "plan/level.h"

#include <algorithm>

#include "kernels/reduce.h"

namespace latent::plan {

Built build(const ir::Program& program, const CompileOptions& options) {
  Built built;
  Level level(built, options, program, {});
  emit(level);
  place(level);
  static_cast<Planned&>(built) = std::move(level);
  return built;
}

Level::Level(Built& all, const CompileOptions& how, const ir::Program& from,
             const std::map<std::string, int>& given)
    : built(all), options(how) {
  passes::Lowered lowered = passes::lower(from, how.bf16, how.off, how.verify);
  program = std::move(lowered.program);
  reports = std::move(lowered.reports);
  kept = passes::kept(program);
  unit_of.assign(program.nodes.size(), nullptr);
  units.reserve(lowered.units.size());
  for (passes::Unit& from_fuse : lowered.units) {
    LevelUnit& u = units.emplace_back(LevelUnit{std::move(from_fuse)});
    for (NodeId n : u.nodes) unit_of[n] = &u;
  }
  find_reads();
  std::vector<bool> needed = kept;  // in memory
  for (NodeId i = 0; i < program.nodes.size(); ++i) needed[i] = kept[i] || !readers[i].empty();
  for (LevelUnit& u : units) {
    if (u.chain()) u.fused = passes::chain_of(program, u, needed);
  }
  give_pointers(given, needed);
  choose_commits();
  for (NodeId i = 0; i < program.nodes.size(); ++i) {
    const Node& n = program.nodes[i];
    if (n.op->kind == Kind::view) pointer_of[i] = pointer_of[n.in[0]];
  }
  schedule();
}

bool Level::absorbed(NodeId n) const { return passes::is_reading(program.nodes[n]) && !unit_of[n]; }

int Level::new_buffer(size_t bytes, int first, int last) {
  arena.push_back({bytes, first, last, {built.pointers}});
  return built.pointers++;
}

void Level::find_reads() {
  readers.resize(program.nodes.size());
  for (LevelUnit& u : units) {
    for (NodeId n : u.nodes) {
      for (NodeId in : program.nodes[n].in) {
        if (unit_of[in] == &u) continue;
        const NodeId memory = absorbed(in) ? program.nodes[in].in[0] : in;
        u.reads.insert(passes::root_of(program, memory));
      }
    }
    std::set<LevelUnit*> makers;
    for (NodeId r : u.reads) {
      readers[r].push_back(&u);
      if (unit_of[r]) makers.insert(unit_of[r]);
    }
    u.before.assign(makers.begin(), makers.end());
  }
}

void Level::give_pointers(const std::map<std::string, int>& given,
                          const std::vector<bool>& needed) {
  pointer_of.assign(program.nodes.size(), -1);
  for (NodeId i = 0; i < program.nodes.size(); ++i) {
    const Node& n = program.nodes[i];
    if (passes::is_source(n)) {
      const std::string* name = n.name();
      const auto found = name ? given.find(*name) : given.end();
      pointer_of[i] = found != given.end() ? found->second : built.pointers++;
      if (!name)
        built.constants.emplace_back(pointer_of[i], static_cast<float>(n.attrs.real("value")));
    } else if (needed[i] && n.op->kind != Kind::view) {
      pointer_of[i] = built.pointers++;
    }
  }
}

BoundUnit Level::bind(const LevelUnit& u, int parts) const {
  const Node& first = program.nodes[u.nodes[0]];
  BoundUnit b;
  if (u.chain()) {
    for (NodeId o : u.fused.outputs) b.operands.push_back(pointer_of[o]);
    for (NodeId i : u.fused.inputs) b.operands.push_back(pointer_of[i]);
    b.results = u.fused.outputs.size();
    b.calls = kernels::bind_fused(u.fused.program, std::vector<int>(b.results, -1), false, parts);
  } else {
    std::vector<const Node*> in;
    b.operands.push_back(pointer_of[u.nodes[0]]);
    for (NodeId i : first.in) {
      in.push_back(&program.nodes[i]);
      b.operands.push_back(pointer_of[i]);
    }
    if (const auto* bind = std::get_if<ir::BindFn>(&first.op->kernel)) {
      b.calls = (*bind)(ir::BindContext{first, in});
    } else {
      const auto [outer, mid, inner] = passes::split_of(first, in[0]->shape);
      b.calls = {kernels::bind_middle_reduction(passes::is_maximum(first), outer, mid, inner)};
    }
  }
  while (b.main + 1 < b.calls.size() && !b.calls[b.main].pieces) ++b.main;
  return b;
}

bool Level::reads_whole(const LevelUnit& u, NodeId root) const {
  for (size_t i = 0; i < u.fused.inputs.size(); ++i) {
    if (passes::root_of(program, u.fused.inputs[i]) == root && !u.fused.program.inputs[i].whole())
      return false;
  }
  return true;
}

namespace {
/// Whether `later` must run after `earlier`, or is it.
bool depends(const LevelUnit* later, const LevelUnit* earlier) {
  std::set<const LevelUnit*> seen{later};
  std::vector<const LevelUnit*> open{later};
  while (!open.empty()) {
    const LevelUnit* u = open.back();
    open.pop_back();
    if (u == earlier) return true;
    for (const LevelUnit* b : u->before) {
      if (seen.insert(b).second) open.push_back(b);
    }
  }
  return false;
}
}  // namespace

void Level::choose_commits() {
  for (const ir::Commit& c : program.commits) {
    LevelUnit* writer = unit_of[c.value];
    if (!writer || !writer->chain() || program.nodes[c.value].op->kind != Kind::elementwise)
      continue;
    const std::vector<LevelUnit*>& slot_readers = readers[c.slot];
    const bool free =
        !kept[c.slot] && std::ranges::count(program.commits, c.value, &ir::Commit::value) == 1 &&
        reads_whole(*writer, c.slot) && std::ranges::none_of(slot_readers, [&](LevelUnit* r) {
          return r != writer && depends(r, writer);
        });
    if (!free) continue;
    for (LevelUnit* r : slot_readers) {
      if (r == writer) continue;
      writer->before.push_back(r);
      writer->waits = true;
    }
    writer->commits = true;
    elsewhere.insert(c.value);
    pointer_of[c.value] = pointer_of[c.slot];
  }
}

void Level::schedule() {
  const auto index = [&](const LevelUnit* u) { return static_cast<size_t>(u - units.data()); };
  std::vector<std::vector<LevelUnit*>> next(units.size());
  std::vector<size_t> missing(units.size());
  std::set<std::pair<bool, LevelUnit*>> ready;  // units stand in the order of the trace
  for (LevelUnit& u : units) {
    for (const LevelUnit* b : u.before) next[index(b)].push_back(&u);
    missing[index(&u)] = u.before.size();
    if (u.before.empty()) ready.emplace(!u.commits, &u);
  }
  while (!ready.empty()) {
    LevelUnit* u = ready.extract(ready.begin()).value().second;
    order.push_back(u);
    for (LevelUnit* n : next[index(u)]) {
      if (--missing[index(n)] == 0) ready.emplace(!n->commits, n);
    }
  }
  if (order.size() != units.size()) throw InternalError("the schedule has a cycle");
}

}  // namespace latent::plan
