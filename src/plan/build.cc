// Schedule, memory and bind; see build.h.
#include "plan/build.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "base/memory.h"
#include "ir/op.h"
#include "passes/memory.h"

namespace latent::plan {

namespace {

using ir::Kind;
using ir::Node;
using ir::NodeId;
using kernels::Call;
using passes::Unit;

size_t bytes_of(const Node& n) { return static_cast<size_t>(n.shape.elements()) * size_of(n.dtype); }

/// Copies `bytes`; with a stride, from or to the slice of the current iteration.
Call copy_call(const char* name, size_t bytes, size_t from_stride = 0, size_t to_stride = 0) {
  Call c;
  c.kernel = name;
  c.run = [=](int, void* const* p, std::byte*, const kernels::RunState& s) {
    const auto i = static_cast<size_t>(s.iteration);
    if (bytes) std::memcpy(static_cast<std::byte*>(p[0]) + i * to_stride, static_cast<const std::byte*>(p[1]) + i * from_stride, bytes);
  };
  return c;
}

/// Plans one level: the program, or the body of a scan inside it.
class Level {
 public:
  Level(Built& built, const CompileOptions& options) : built_(built), options_(options) {}

  /// `given` are nodes whose memory the level does not own (captured values); others get pointers here.
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

  /// Emits stages and places buffers; in a body, values are kept alive to the end for the copies that follow.
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
        if (!named) built_.constants.emplace_back(pointer_of_[i], static_cast<float>(n.attrs.real("value")));
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

  bool depends(int later, int earlier) const {  // is there a path from unit `earlier` to unit `later`?
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

  /// A slot is written where it lies when its new value comes from a chain that can run after all other readers.
  void choose_commits() {
    in_place_.assign(p_.commits.size(), false);
    for (size_t k = 0; k < p_.commits.size(); ++k) {
      const ir::Commit& c = p_.commits[k];
      const int writer = unit_of_[c.value];
      const Node& v = p_.nodes[c.value];
      if (writer < 0 || !units_[static_cast<size_t>(writer)].chain() || v.op->kind != Kind::elementwise) continue;
      bool free = true;
      for (size_t j = 0; j < p_.commits.size(); ++j) {
        free &= passes::root_of(p_, p_.commits[j].value) != c.slot;
        free &= j == k || p_.commits[j].value != c.value;
      }
      for (const ir::Fetch& f : p_.fetches) free &= passes::root_of(p_, f.node) != c.slot;
      std::vector<int> readers = reading_units(c.slot);
      for (int r : readers) free &= r == writer || !depends(r, writer);
      // The chain itself may read the slot element by element only.
      const passes::ChainPlan chain = passes::chain_of(p_, units_[static_cast<size_t>(writer)], needed_);
      for (size_t i = 0; i < chain.inputs.size(); ++i) {
        if (passes::root_of(p_, chain.inputs[i]) == c.slot) free &= chain.program.inputs[i].access == kernels::Access::full;
      }
      if (!free) continue;
      for (int r : readers) {
        if (r != writer) after_.emplace_back(r, writer);
      }
      in_place_[k] = true;
      pointer_of_[c.value] = pointer_of_[c.slot];
    }
  }

  /// Order of the units: operands first; a unit that writes slots as soon as it may, else in the order of the trace.
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
        return ca != cb ? ca : units_[static_cast<size_t>(a)].nodes.back() < units_[static_cast<size_t>(b)].nodes.back();
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

/// Turns the ordered units of a level into stages, and its values into placed buffers.
class Emitter {
 public:
  Emitter(Level& level, Built& built, const CompileOptions& options) : l_(level), built_(built), options_(options) {}

  std::vector<Stage> run(std::vector<Placement>& placements, size_t& arena, size_t& live) {
    last_stage_.assign(l_.units_.size(), -1);
    first_stage_ = last_stage_;
    saved_.clear();
    save_old_slots();
    for (int u : l_.order_) unit(static_cast<size_t>(u));
    finish_commits();
    const int end = static_cast<int>(stages_.size());
    place(end, placements, arena, live);
    for (Stage& s : stages_) {
      for (const Entry& e : s.entries) s.parts += e.call.parts;
    }
    return std::move(stages_);
  }

 private:
  const Node& node(NodeId n) const { return l_.p_.nodes[n]; }

  int new_buffer(size_t bytes, int first, int last) {
    const int p = built_.pointers++;
    buffers_.push_back({bytes, first, last});
    owners_.push_back(p);
    return p;
  }

  /// The old value of a slot that changes during the run, when a fetch or another commit wants it.
  void save_old_slots() {
    const auto save = [&](NodeId value) {
      const NodeId root = passes::root_of(l_.p_, value);
      if (!l_.p_.commit_of(root) || saved_.count(root)) return;
      const int copy = new_buffer(bytes_of(node(root)), 0, 1 << 30);
      append(0, {copy_call("keep old value", bytes_of(node(root))), {copy, l_.pointer_of_[root]}, -1, node(root).where});
      saved_[root] = copy;
    };
    for (const ir::Fetch& f : l_.p_.fetches) save(f.node);
    for (const ir::Commit& c : l_.p_.commits) {
      if (passes::root_of(l_.p_, c.value) != c.slot) save(c.value);
    }
  }

  void append(size_t stage, Entry e) {
    while (stages_.size() <= stage) stages_.emplace_back();
    stages_[stage].entries.push_back(std::move(e));
  }

  /// First stage at which unit u may stand: after what it reads, joining the last stage at the earliest.
  size_t earliest(size_t u) const {
    int after = -1;
    for (NodeId r : l_.memory_reads(u)) {
      const int producer = l_.unit_of_[r];
      if (producer >= 0) after = std::max(after, last_stage_[static_cast<size_t>(producer)]);
    }
    for (const auto& [reader, writer] : l_.after_) {
      if (writer == static_cast<int>(u)) after = std::max(after, last_stage_[static_cast<size_t>(reader)]);
    }
    const int last = static_cast<int>(stages_.size()) - 1;
    const bool joinable = last >= 0 && !stages_[static_cast<size_t>(last)].loop && !(last == 0 && !saved_.empty());
    return static_cast<size_t>(std::max(after + 1, joinable ? last : last + 1));
  }

  void unit(size_t u) {
    const Unit& unit = l_.units_[u];
    const Node& first = node(unit.nodes[0]);
    size_t stage = earliest(u);
    first_stage_[u] = static_cast<int>(stage);
    if (first.body) {
      stage = scan(unit.nodes[0], stage);
    } else if (first.op->kind == Kind::control) {
      // A scan's output is written by its scan.
      first_stage_[u] = last_stage_[u] = last_stage_[static_cast<size_t>(l_.unit_of_[first.in[0]])];
      return;
    } else if (unit.chain()) {
      pending_.push_back({u, stage});
      const passes::ChainPlan c = passes::chain_of(l_.p_, unit, l_.needed_);
      const size_t calls = kernels::bind_fused(c.program, std::vector<int>(c.outputs.size(), -1), false).size();
      while (stages_.size() < stage + calls) stages_.emplace_back();
      stage += calls - 1;
    } else {
      ir::BindContext context{first, {}, };
      std::vector<const Node*> in;
      std::vector<int> operands{l_.pointer_of_[unit.nodes[0]]};
      for (NodeId i : first.in) {
        in.push_back(&node(i));
        operands.push_back(l_.pointer(i));
      }
      context.in = in;
      std::vector<Call> calls;
      if (const auto* bind = std::get_if<ir::BindFn>(&first.op->kernel)) {
        calls = (*bind)(context);
      } else {
        const int64_t a = first.attrs.integer("first"), n = first.attrs.integer("count");
        int64_t outer = 1, mid = 1, inner = 1;
        for (int i = 0; i < in[0]->shape.rank(); ++i) (i < a ? outer : i < a + n ? mid : inner) *= in[0]->shape[i];
        calls = {kernels::bind_middle_reduction(std::holds_alternative<ir::MaxKernel>(first.op->kernel), outer, mid, inner)};
      }
      size_t scratch = 0;
      for (const Call& c : calls) scratch = std::max(scratch, c.scratch_bytes);
      const int last = static_cast<int>(stage + calls.size() - 1);
      const int pointer = scratch ? new_buffer(scratch, static_cast<int>(stage), last) : -1;
      for (size_t k = 0; k < calls.size(); ++k) append(stage + k, {std::move(calls[k]), operands, pointer, first.where});
      stage += calls.size() - 1;
    }
    last_stage_[u] = static_cast<int>(stage);
  }

  /// Copies in, the loop, copies out. Returns the last stage.
  size_t scan(NodeId id, size_t stage) {
    const Node& n = node(id);
    const auto carries = static_cast<size_t>(n.attrs.integer("carries")), inputs = static_cast<size_t>(n.attrs.integer("inputs"));
    Level body(built_, options_);
    std::map<std::string, int> given;
    std::vector<Entry> before, first, last, after;
    const auto value = [&](size_t k) { return l_.pointer(n.in[k]); };
    for (size_t k = carries + inputs; k < n.in.size(); ++k) given["captured:" + std::to_string(k - carries - inputs)] = value(k);
    for (size_t k = 0; k < carries + inputs; ++k) {
      const bool carry = k < carries;
      const Node& x = node(n.in[k]);
      const size_t bytes = carry ? bytes_of(x) : bytes_of(x) / static_cast<size_t>(n.attrs.integer("length"));
      const int here = body.whole_buffer(bytes);
      given[(carry ? "carry:" : "input:") + std::to_string(carry ? k : k - carries)] = here;
      if (carry) before.push_back({copy_call("carry in", bytes), {here, value(k)}, -1, n.where});
      else first.push_back({copy_call("slice in", bytes, bytes), {here, value(k)}, -1, n.where});
    }
    body.run(n.body->program(), given);
    std::map<int64_t, int> outputs;  // index -> pointer in this level
    for (NodeId i = 0; i < l_.p_.nodes.size(); ++i) {
      const Node& o = node(i);
      if (o.op->kind == Kind::control && !o.body && o.in[0] == id && l_.pointer_of_[i] >= 0) outputs[o.attrs.integer("index")] = l_.pointer_of_[i];
    }
    std::vector<Entry> carried;
    for (const ir::Fetch& f : body.program().fetches) {
      const auto k = static_cast<size_t>(std::stoul(f.name.substr(f.name.find(':') + 1)));
      const size_t bytes = bytes_of(body.program().nodes[f.node]);
      if (f.name.starts_with("carry")) {
        const int target = given["carry:" + std::to_string(k)];
        if (body.pointer(f.node) != target) {
          // A carry may be the old value of another: all are read before any is written.
          const int copy = body.whole_buffer(bytes);
          last.push_back({copy_call("next carry", bytes), {copy, body.pointer(f.node)}, -1, n.where});
          carried.push_back({copy_call("carry", bytes), {target, copy}, -1, n.where});
        }
        if (const auto o = outputs.find(static_cast<int64_t>(k)); o != outputs.end()) {
          after.push_back({copy_call("carry out", bytes), {o->second, target}, -1, n.where});
        }
      } else if (const auto o = outputs.find(static_cast<int64_t>(carries + k)); o != outputs.end()) {
        last.push_back({copy_call("slice out", bytes, 0, bytes), {o->second, body.pointer(f.node)}, -1, n.where});
      }
    }
    auto loop = std::make_unique<Loop>();
    loop->length = n.attrs.integer("length");
    loop->reverse = n.attrs.integer("reverse") != 0;
    std::vector<Placement> inner;
    size_t bytes = 0, live = 0;
    std::vector<Stage> middle = body.emit(inner, bytes, live);
    const auto stage_of = [](std::vector<Entry> entries) {
      Stage s;
      for (Entry& e : entries) {
        s.parts += e.call.parts;
        s.entries.push_back(std::move(e));
      }
      return s;
    };
    loop->stages.push_back(stage_of(std::move(first)));
    for (Stage& s : middle) loop->stages.push_back(std::move(s));
    loop->stages.push_back(stage_of(std::move(last)));
    loop->stages.push_back(stage_of(std::move(carried)));
    // Copies around the loop are of one iteration's index 0 strides, so the loop's own index does not matter.
    stage = std::max(stage, stages_.size());
    for (Entry& e : before) append(stage, std::move(e));
    while (stages_.size() <= stage + 1) stages_.emplace_back();
    stages_[stage + 1].loop = std::move(loop);
    while (stages_.size() <= stage + 2) stages_.emplace_back();
    for (Entry& e : after) append(stage + 2, std::move(e));
    blocks_.push_back({new_buffer(bytes, static_cast<int>(stage), static_cast<int>(stage + 2)), std::move(inner)});
    return stage + 2;
  }

  /// Values that are not written in place are copied to their slots when everything has read them.
  void finish_commits() {
    const size_t stage = stages_.size();
    for (size_t k = 0; k < l_.p_.commits.size(); ++k) {
      const ir::Commit& c = l_.p_.commits[k];
      if (l_.in_place_[k] || passes::root_of(l_.p_, c.value) == c.slot) continue;
      const auto old = saved_.find(passes::root_of(l_.p_, c.value));
      const int from = old != saved_.end() ? old->second : l_.pointer(c.value);
      append(stage, {copy_call("assign", bytes_of(node(c.slot))), {l_.pointer_of_[c.slot], from}, -1, c.where});
    }
    for (const ir::Fetch& f : l_.p_.fetches) {
      const auto old = saved_.find(passes::root_of(l_.p_, f.node));
      if (old != saved_.end()) l_.pointer_of_[passes::root_of(l_.p_, f.node)] = old->second;
    }
  }

  /// Gives every value of the level its place, then binds the chains, which must know what shares memory.
  void place(int end, std::vector<Placement>& placements, size_t& arena, size_t& live) {
    std::vector<bool> kept(l_.p_.nodes.size(), false);
    for (const ir::Fetch& f : l_.p_.fetches) kept[passes::root_of(l_.p_, f.node)] = true;
    for (size_t k = 0; k < l_.p_.commits.size(); ++k) {
      if (!l_.in_place_[k]) kept[passes::root_of(l_.p_, l_.p_.commits[k].value)] = true;
    }
    std::vector<int> last_read(l_.p_.nodes.size(), -1), readers(l_.p_.nodes.size(), 0);
    for (size_t u = 0; u < l_.units_.size(); ++u) {
      for (NodeId r : l_.memory_reads(u)) {
        last_read[r] = std::max(last_read[r], last_stage_[u]);
        ++readers[r];
      }
    }
    // Values of the arena, each with a buffer, or sharing that of an input which ends where it begins.
    std::map<NodeId, size_t> buffer_of;
    for (int u : l_.order_) {
      const Unit& unit = l_.units_[static_cast<size_t>(u)];
      for (NodeId n : unit.nodes) {
        if (l_.pointer_of_[n] < 0 || node(n).op->kind == Kind::view || is_slot_memory(n)) continue;
        const int first = first_of(n, u), last = kept[n] ? end : std::max(last_read[n], last_stage_[static_cast<size_t>(u)]);
        bool shared = false;
        if (unit.chain() && node(n).op->kind == Kind::elementwise && !options_.off.count("in_place")) {
          for (NodeId r : l_.memory_reads(static_cast<size_t>(u))) {
            const auto b = buffer_of.find(r);
            if (b == buffer_of.end() || kept[r] || bytes_of(node(r)) != bytes_of(node(n)) || taken_.count(r)) continue;
            if (last_read[r] != last_stage_[static_cast<size_t>(u)] || !only_full(static_cast<size_t>(u), r) || !last_reader(r, u)) continue;
            buffer_of[n] = b->second;
            buffers_[b->second].last = std::max(buffers_[b->second].last, last);
            share_[n] = r;
            taken_.insert(r);
            alias_.emplace_back(l_.pointer_of_[n], owners_[b->second]);
            shared = true;
            break;
          }
        }
        if (shared) continue;
        buffer_of[n] = buffers_.size();
        buffers_.push_back({bytes_of(node(n)), first, last});
        owners_.push_back(l_.pointer_of_[n]);
      }
    }
    for (const auto& [pointer, bytes] : l_.whole_) {
      buffers_.push_back({bytes, 0, end});
      owners_.push_back(pointer);
    }
    bind_chains();
    for (passes::Buffer& b : buffers_) b.last = std::min(b.last, end);
    const passes::MemoryPlan plan = passes::place(buffers_);
    std::map<int, size_t> offset;
    for (size_t i = 0; i < buffers_.size(); ++i) {
      placements.push_back({owners_[i], plan.offsets[i]});
      offset[owners_[i]] = plan.offsets[i];
    }
    for (const auto& [pointer, owner] : alias_) placements.push_back({pointer, offset.at(owner)});
    for (const auto& [pointer, inner] : blocks_) {
      for (const Placement& p : inner) placements.push_back({p.pointer, offset.at(pointer) + p.offset});
    }
    arena = plan.arena_bytes;
    live = plan.live_bytes;
  }

  /// Scan outputs are alive from the scan's first stage, since iterations write them.
  int first_of(NodeId n, int u) const {
    const Node& x = node(n);
    if (x.op->kind == Kind::control && !x.body) return first_stage_[static_cast<size_t>(l_.unit_of_[x.in[0]])];
    return first_stage_[static_cast<size_t>(u)];
  }

  bool is_slot_memory(NodeId n) const {
    for (size_t k = 0; k < l_.p_.commits.size(); ++k) {
      if (l_.in_place_[k] && l_.p_.commits[k].value == n) return true;
    }
    return false;
  }

  bool only_full(size_t u, NodeId root) const {
    const passes::ChainPlan c = passes::chain_of(l_.p_, l_.units_[u], l_.needed_);
    int full = 0;
    for (size_t i = 0; i < c.inputs.size(); ++i) {
      if (passes::root_of(l_.p_, c.inputs[i]) != root) continue;
      if (c.program.inputs[i].access != kernels::Access::full) return false;
      ++full;
    }
    return full == 1;
  }
  bool last_reader(NodeId root, int u) const {
    for (size_t k = 0; k < l_.units_.size(); ++k) {
      if (static_cast<int>(k) == u) continue;
      const auto& reads = l_.memory_reads(k);
      if (std::binary_search(reads.begin(), reads.end(), root) && last_stage_[k] >= first_stage_[static_cast<size_t>(u)]) return false;
    }
    return true;
  }

  void bind_chains() {
    for (const auto& [u, stage] : pending_) {
      const passes::ChainPlan c = passes::chain_of(l_.p_, l_.units_[u], l_.needed_);
      std::vector<int> operands, in_place;
      for (NodeId o : c.outputs) {
        operands.push_back(l_.pointer_of_[o]);
        int shares = -1;
        for (size_t i = 0; i < c.inputs.size(); ++i) {
          const NodeId root = passes::root_of(l_.p_, c.inputs[i]);
          const auto s = share_.find(o);
          if ((s != share_.end() && s->second == root) || l_.pointer_of_[root] == l_.pointer_of_[o]) shares = static_cast<int>(i);
        }
        in_place.push_back(shares);
      }
      for (NodeId i : c.inputs) operands.push_back(l_.pointer(i));
      std::vector<Call> calls = kernels::bind_fused(c.program, in_place, !options_.off.count("named"));
      const size_t scratch = calls[0].scratch_bytes;
      const int pointer = scratch ? new_buffer(scratch, static_cast<int>(stage), static_cast<int>(stage + calls.size() - 1)) : -1;
      for (size_t k = 0; k < calls.size(); ++k) append(stage + k, {std::move(calls[k]), operands, pointer, node(l_.units_[u].nodes[0]).where});
    }
  }

  Level& l_;
  Built& built_;
  const CompileOptions& options_;
  std::vector<Stage> stages_;
  std::vector<int> first_stage_, last_stage_;
  std::vector<passes::Buffer> buffers_;
  std::vector<int> owners_;                     // pointer of each buffer
  std::vector<std::pair<int, int>> alias_;      // pointer that lies where another does
  std::vector<std::pair<size_t, size_t>> pending_;  // chains and their stages
  std::vector<std::pair<int, std::vector<Placement>>> blocks_;
  std::map<NodeId, NodeId> share_;
  std::set<NodeId> taken_;
  std::map<NodeId, int> saved_;
};

std::vector<Stage> Level::emit(std::vector<Placement>& placements, size_t& arena, size_t& live) {
  return Emitter(*this, built_, options_).run(placements, arena, live);
}

}  // namespace

Built build(const ir::Program& program, const CompileOptions& options) {
  Built built;
  Level level(built, options);
  level.run(program, {});
  built.stages = level.emit(built.placements, built.arena_bytes, built.live_bytes);
  built.pointer_of = level.pointers();
  built.program = level.program();
  built.reports = std::move(level.reports());
  return built;
}

}  // namespace latent::plan
