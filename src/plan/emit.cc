// From the ordered units of a level to stages of bound calls; see emitted.h, level.h and build.h.
#include <algorithm>
#include <cstring>

#include "kernels/traffic.h"
#include "plan/emitted.h"
#include "plan/level.h"

namespace latent::plan {

using kernels::Call;

namespace {

constexpr int kEver = 1 << 30;  // a stage after all others

/// Copies `bytes`; with a stride, to the slice of the current iteration.
Call copy_call(const char* name, size_t bytes, size_t stride = 0) {
  Call c;
  c.kernel = name;
  c.run = [=](int, void* const* p, std::byte*, const kernels::RunState& s) {
    const size_t at = static_cast<size_t>(s.iteration) * stride;
    if (bytes) std::memcpy(static_cast<std::byte*>(p[0]) + at, p[1], bytes);
  };
  return c;
}

}  // namespace

/// Turns the ordered units of a level into stages, and its values into placed buffers.
class Emitter {
 public:
  Emitter(Level& level, Built& built, const CompileOptions& options)
      : l_(level), built_(built), options_(options) {}

  Emitted run() {
    const size_t units = l_.units_.size();
    out_.last_stage.assign(units, -1);
    out_.first_stage = out_.last_stage;
    out_.fixed.assign(units, false);
    out_.at.resize(units);
    save_old_slots();
    for (int u : l_.order_) unit(static_cast<size_t>(u));
    finish_commits();
    for (Stage& s : out_.stages) {
      for (const Entry& e : s.entries) s.parts += e.call.parts;
    }
    return std::move(out_);
  }

 private:
  const Node& node(NodeId n) const { return l_.p_.nodes[n]; }

  int new_buffer(size_t bytes, int first, int last) {
    const int p = built_.pointers++;
    out_.buffers.push_back({p, {bytes, first, last}});
    return p;
  }

  /// The old value of a slot that changes during the run, when a fetch or another commit wants it.
  void save_old_slots() {
    const auto save = [&](NodeId value) {
      const NodeId root = passes::root_of(l_.p_, value);
      if (!l_.p_.commit_of(root) || saved_.count(root)) return;
      const int copy = new_buffer(bytes_of(node(root)), 0, kEver);
      append(0, {copy_call("keep old value", bytes_of(node(root))),
                 {copy, l_.pointer_of_[root]},
                 -1,
                 node(root).where});
      saved_[root] = copy;
    };
    for (const ir::Fetch& f : l_.p_.fetches) save(f.node);
    for (const ir::Commit& c : l_.p_.commits) {
      if (passes::root_of(l_.p_, c.value) != c.slot) save(c.value);
    }
  }

  void append(size_t stage, Entry e) {
    while (out_.stages.size() <= stage) out_.stages.emplace_back();
    out_.stages[stage].entries.push_back(std::move(e));
  }

  /// First stage at which unit u may stand: after what it reads, joining the last stage at the
  /// earliest.
  size_t earliest(size_t u) const {
    int after = -1;
    for (NodeId r : l_.memory_reads(u)) {
      const int producer = l_.unit_of_[r];
      if (producer >= 0) after = std::max(after, out_.last_stage[static_cast<size_t>(producer)]);
    }
    for (const auto& [reader, writer] : l_.after_) {
      if (writer == static_cast<int>(u))
        after = std::max(after, out_.last_stage[static_cast<size_t>(reader)]);
    }
    const int last = static_cast<int>(out_.stages.size()) - 1;
    const bool joinable = last >= 0 && !out_.stages[static_cast<size_t>(last)].loop &&
                          !(last == 0 && !saved_.empty());
    return static_cast<size_t>(std::max(after + 1, joinable ? last : last + 1));
  }

  /// Whether the memory of a node holds the same in every run.
  bool fixed(NodeId root) const {
    const int u = l_.unit_of_[root];
    if (u >= 0) return out_.fixed[static_cast<size_t>(u)];
    return std::string_view(node(root).op->name) != "feed" && !l_.p_.commit_of(root);
  }

  /// Whether a fetch or a commit wants a value of the unit.
  bool leaves(size_t u) const {
    const auto of = [&](NodeId n) {
      return l_.unit_of_[passes::root_of(l_.p_, n)] == static_cast<int>(u);
    };
    return std::ranges::any_of(l_.p_.fetches, of, &ir::Fetch::node) ||
           std::ranges::any_of(l_.p_.commits, of, &ir::Commit::value);
  }

  /// Appends a call to those before the first run.
  void once(Call call, std::vector<int> operands, const Where& where) {
    const int scratch = call.scratch_bytes ? new_buffer(call.scratch_bytes, 0, kEver) : -1;
    Stage& s = built_.once.emplace_back();
    s.parts = call.parts;
    s.entries.push_back({std::move(call), std::move(operands), scratch, where});
  }

  /// What the unit computes, or packs, of fixed memory alone moves before the first run. True when
  /// nothing is left.
  bool move_out(size_t u, BoundUnit& b) {
    const Node& first = node(l_.units_[u].nodes[0]);
    out_.fixed[u] = first.op->kind != Kind::varying && !leaves(u) &&
                    std::ranges::all_of(l_.memory_reads(u), [&](NodeId r) { return fixed(r); });
    const size_t bytes = b.calls[0].packed_bytes, packs = b.calls[0].packs;
    const bool packed = bytes && fixed(passes::root_of(l_.p_, first.in[packs - b.results]));
    if (packed) b.operands.push_back(new_buffer(bytes, 0, kEver));
    const size_t count = out_.fixed[u] ? b.calls.size() : packed ? 1 : 0;
    for (size_t k = 0; k < count; ++k) once(std::move(b.calls[k]), b.operands, first.where);
    b.calls.erase(b.calls.begin(), b.calls.begin() + static_cast<ptrdiff_t>(count));
    if (out_.fixed[u])
      out_.first_stage[u] = 0;  // out_.last_stage stays before the first
    else
      b.main -= count;
    return out_.fixed[u];
  }

  void unit(size_t u) {
    const Unit& unit = l_.units_[u];
    const Node& first = node(unit.nodes[0]);
    size_t stage = earliest(u);
    out_.first_stage[u] = static_cast<int>(stage);
    if (first.body) {
      stage = scan(unit.nodes[0], stage);
    } else if (first.op->kind == Kind::control) {
      // A scan's output is written by its scan.
      out_.first_stage[u] = out_.last_stage[u] =
          out_.last_stage[static_cast<size_t>(l_.unit_of_[first.in[0]])];
      return;
    } else {
      BoundUnit bound = l_.bind(u, 0);
      if (options_.fixed_slots && move_out(u, bound)) return;
      if (!follow(u, bound)) append(u, std::move(bound), stage, nullptr);
      return;
    }
    out_.last_stage[u] = static_cast<int>(stage);
  }

  /// Appends the unit behind the calls that make its input, where it takes up the same pieces and
  /// all else that it reads is there before; false where it cannot.
  bool follow(size_t u, BoundUnit& bound) {
    if (options_.off.count("pieces")) return false;
    const Home* home = nullptr;
    for (NodeId r : l_.memory_reads(u)) {
      const auto found = out_.homes.find(l_.pointer_of_[r]);
      if (found != out_.homes.end() && (!home || home->stage < found->second.stage))
        home = &found->second;
    }
    if (!home) return false;
    const int parts = out_.stages[home->stage].entries[home->entry].call.parts;
    BoundUnit again;
    if (l_.units_[u].chain()) again = l_.bind(u, parts);
    BoundUnit& b = l_.units_[u].chain() ? again : bound;
    const Call& main = b.calls[b.main];
    if (!main.pieces || main.parts != parts) return false;
    for (const auto& [reader, writer] : l_.after_) {
      if (writer == static_cast<int>(u)) return false;
    }
    if (home->stage < b.main + (saved_.empty() ? 0 : 1)) return false;
    const size_t begin = home->stage - b.main;
    for (NodeId r : l_.memory_reads(u)) {
      const int pointer = l_.pointer_of_[r], producer = l_.unit_of_[r];
      const auto found = out_.homes.find(pointer);
      if (found != out_.homes.end() && found->second.with(*home)) {
        for (size_t k = 0; k < b.operands.size(); ++k) {
          if (b.operands[k] == pointer && !(main.pieces >> k & 1)) return false;
        }
      } else if (producer >= 0 &&
                 out_.last_stage[static_cast<size_t>(producer)] >= static_cast<int>(begin)) {
        return false;
      }
    }
    for (size_t k = begin; k < std::min(begin + b.calls.size(), out_.stages.size()); ++k) {
      if (out_.stages[k].loop) return false;
    }
    append(u, std::move(b), begin, home);
    return true;
  }

  /// Appends the calls of a unit to the stages from `stage` on, its main one behind those of
  /// `home`, and notes which results can be taken up piece by piece.
  void append(size_t u, BoundUnit b, size_t stage, const Home* home) {
    const Where& where = node(l_.units_[u].nodes[0]).where;
    const int parts = b.calls[b.main].parts;
    const uint64_t pieces = parts > 1 ? b.calls[b.main].pieces : 0;
    out_.first_stage[u] = static_cast<int>(stage);
    out_.last_stage[u] = static_cast<int>(stage + b.calls.size() - 1);
    size_t scratch = 0;
    for (const Call& c : b.calls) scratch = std::max(scratch, c.scratch_bytes);
    const int pointer = scratch ? new_buffer(scratch, out_.first_stage[u], out_.last_stage[u]) : -1;
    if (const size_t bytes = b.calls[0].packed_bytes)
      b.operands.push_back(new_buffer(bytes, out_.first_stage[u], out_.last_stage[u]));
    std::vector<Home> places;
    for (size_t k = 0; k < b.calls.size(); ++k) {
      Entry e{std::move(b.calls[k]), b.operands, pointer, where};
      if (home && k == b.main) {
        std::vector<Entry>& then = out_.stages[home->stage].entries[home->entry].then;
        then.push_back(std::move(e));
        places.push_back({home->stage, home->entry, then.size()});
      } else {
        append(stage + k, std::move(e));
        places.push_back({stage + k, out_.stages[stage + k].entries.size() - 1, 0});
      }
    }
    out_.at[u] = places[b.main];
    for (size_t o = 0; o < b.results; ++o) {
      if (pieces >> o & 1) out_.homes[b.operands[o]] = {out_.at[u].stage, out_.at[u].entry, 0};
    }
    if (l_.units_[u].chain()) out_.chains.push_back({u, home ? parts : 0, std::move(places)});
  }

  /// The loop, whose pointers move where they can, and copies where they cannot. Returns the last
  /// stage.
  size_t scan(NodeId id, size_t stage) {
    const Node& n = node(id);
    const auto carries = static_cast<size_t>(n.attrs.integer("carries")),
               inputs = static_cast<size_t>(n.attrs.integer("inputs"));
    auto loop = std::make_unique<Loop>();
    loop->length = n.attrs.integer("length");
    loop->reverse = n.attrs.integer("reverse") != 0;
    CompileOptions inside = options_;
    inside.fixed_slots = false;
    Level body(built_, inside);
    std::map<std::string, int> given;
    for (size_t k = 0; k < n.in.size(); ++k) {
      const int outside = l_.pointer(n.in[k]);
      if (k >= carries + inputs) {
        given["captured:" + std::to_string(k - carries - inputs)] = outside;
        continue;
      }
      const int here = built_.pointers++;
      given[(k < carries ? "carry:" : "input:") + std::to_string(k < carries ? k : k - carries)] =
          here;
      if (k < carries)
        loop->carries.push_back({here, outside, -1});
      else
        loop->slides.push_back({here, outside,
                                bytes_of(node(n.in[k])) / static_cast<size_t>(loop->length),
                                loop->length});
    }
    body.run(n.body->program(), given);
    std::map<int64_t, int> outputs;  // index -> pointer in this level
    for (NodeId i = 0; i < l_.p_.nodes.size(); ++i) {
      const Node& o = node(i);
      if (o.op->kind == Kind::control && !o.body && o.in[0] == id && l_.pointer_of_[i] >= 0)
        outputs[o.attrs.integer("index")] = l_.pointer_of_[i];
    }
    Stage last;
    std::vector<Entry> after;
    const auto copy = [&](const char* name, size_t bytes, int to, int from, size_t stride = 0) {
      return Entry{copy_call(name, bytes, stride), {to, from}, -1, n.where};
    };
    // A value that a unit computes is written where it stays: in its slice of an output, else where
    // the next iteration does not write. First the outputs, so that carries are where these are.
    for (const bool carry : {false, true}) {
      for (const ir::Fetch& f : body.program().fetches) {
        if (f.name.starts_with("carry") != carry) continue;
        const auto k = std::stoul(f.name.substr(f.name.find(':') + 1));
        const auto o = outputs.find(static_cast<int64_t>(carry ? k : carries + k));
        if (!carry && o == outputs.end()) continue;
        const NodeId root = passes::root_of(body.p_, f.node);
        const size_t bytes = bytes_of(body.p_.nodes[f.node]);
        const bool computed = body.unit_of_[root] >= 0 && bytes_of(body.p_.nodes[root]) == bytes,
                   moves = computed && body.elsewhere_.insert(root).second;
        if (!carry && moves)
          loop->slides.push_back({body.pointer(root), o->second, bytes, loop->length});
        else if (!carry)
          last.entries.push_back(copy("slice out", bytes, o->second, body.pointer(root), bytes));
        if (!carry) continue;
        int next = body.pointer(root);
        if (!computed) {
          next = built_.pointers++;
          last.entries.push_back(copy("next carry", bytes, next, body.pointer(root)));
        }
        if (moves || !computed)
          loop->slides.push_back({next, body.whole_buffer(2 * bytes), bytes, 2});
        loop->carries[k].next = next;
        if (o != outputs.end()) after.push_back(copy("carry out", bytes, o->second, next));
      }
    }
    std::vector<Placement> inner;
    size_t bytes = 0, live = 0;
    loop->stages = body.emit(inner, bytes, live);
    last.parts = static_cast<int>(last.entries.size());
    if (last.parts) loop->stages.push_back(std::move(last));
    const size_t begin = stage = std::max(stage, out_.stages.size());
    while (out_.stages.size() <= stage) out_.stages.emplace_back();
    out_.stages[stage].loop = std::move(loop);
    if (!after.empty()) ++stage;
    for (Entry& e : after) append(stage, std::move(e));
    out_.blocks.push_back(
        {new_buffer(bytes, static_cast<int>(begin), static_cast<int>(stage)), std::move(inner)});
    return stage;
  }

  /// Values that are not written in place are copied to their slots when everything has read them.
  void finish_commits() {
    const size_t stage = out_.stages.size();
    for (size_t k = 0; k < l_.p_.commits.size(); ++k) {
      const ir::Commit& c = l_.p_.commits[k];
      if (l_.in_place_[k] || passes::root_of(l_.p_, c.value) == c.slot) continue;
      const auto old = saved_.find(passes::root_of(l_.p_, c.value));
      const int from = old != saved_.end() ? old->second : l_.pointer(c.value);
      append(stage, {copy_call("assign", bytes_of(node(c.slot))),
                     {l_.pointer_of_[c.slot], from},
                     -1,
                     c.where});
    }
    for (const ir::Fetch& f : l_.p_.fetches) {
      const auto old = saved_.find(passes::root_of(l_.p_, f.node));
      if (old != saved_.end()) built_.old_values[f.name] = old->second;
    }
  }

  Level& l_;
  Built& built_;
  const CompileOptions& options_;
  Emitted out_;
  std::map<NodeId, int> saved_;
};

std::vector<Stage> Level::emit(std::vector<Placement>& placements, size_t& arena, size_t& live) {
  Emitted emitted = Emitter(*this, built_, options_).run();
  place(emitted, placements, arena, live);
  return std::move(emitted.stages);
}

}  // namespace latent::plan
