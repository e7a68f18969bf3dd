// From the ordered units of a level to stages of bound calls with placed buffers; see level.h and
// build.h.
#include <algorithm>
#include <cstring>
#include <set>

#include "kernels/traffic.h"
#include "passes/memory.h"
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

  std::vector<Stage> run(std::vector<Placement>& placements, size_t& arena, size_t& live) {
    last_stage_.assign(l_.units_.size(), -1);
    first_stage_ = last_stage_;
    fixed_.assign(l_.units_.size(), false);
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
  /// Where a call stands: an entry, or the then-th that follows it.
  struct Home {
    size_t stage = 0, entry = 0, then = 0;
    bool operator==(const Home&) const = default;
  };

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
    while (stages_.size() <= stage) stages_.emplace_back();
    stages_[stage].entries.push_back(std::move(e));
  }

  /// First stage at which unit u may stand: after what it reads, joining the last stage at the
  /// earliest.
  size_t earliest(size_t u) const {
    int after = -1;
    for (NodeId r : l_.memory_reads(u)) {
      const int producer = l_.unit_of_[r];
      if (producer >= 0) after = std::max(after, last_stage_[static_cast<size_t>(producer)]);
    }
    for (const auto& [reader, writer] : l_.after_) {
      if (writer == static_cast<int>(u))
        after = std::max(after, last_stage_[static_cast<size_t>(reader)]);
    }
    const int last = static_cast<int>(stages_.size()) - 1;
    const bool joinable =
        last >= 0 && !stages_[static_cast<size_t>(last)].loop && !(last == 0 && !saved_.empty());
    return static_cast<size_t>(std::max(after + 1, joinable ? last : last + 1));
  }

  /// Whether the memory of a node holds the same in every run.
  bool fixed(NodeId root) const {
    const int u = l_.unit_of_[root];
    if (u >= 0) return fixed_[static_cast<size_t>(u)];
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
    fixed_[u] = first.op->kind != Kind::varying && !leaves(u) &&
                std::ranges::all_of(l_.memory_reads(u), [&](NodeId r) { return fixed(r); });
    const size_t bytes = b.calls[0].packed_bytes, packs = b.calls[0].packs;
    const bool packed = bytes && fixed(passes::root_of(l_.p_, first.in[packs - b.results]));
    if (packed) b.operands.push_back(new_buffer(bytes, 0, kEver));
    const size_t count = fixed_[u] ? b.calls.size() : packed ? 1 : 0;
    for (size_t k = 0; k < count; ++k) once(std::move(b.calls[k]), b.operands, first.where);
    b.calls.erase(b.calls.begin(), b.calls.begin() + static_cast<ptrdiff_t>(count));
    if (fixed_[u])
      first_stage_[u] = 0;  // last_stage_ stays before the first
    else
      b.main -= count;
    return fixed_[u];
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
    } else {
      BoundUnit bound = l_.bind(u, 0);
      if (options_.fixed_slots && move_out(u, bound)) return;
      if (!follow(u, bound)) append(u, std::move(bound), stage, nullptr);
      return;
    }
    last_stage_[u] = static_cast<int>(stage);
  }

  /// Appends the unit behind the calls that make its input, where it takes up the same pieces and
  /// all else that it reads is there before; false where it cannot.
  bool follow(size_t u, BoundUnit& bound) {
    if (options_.off.count("pieces")) return false;
    const Home* home = nullptr;
    for (NodeId r : l_.memory_reads(u)) {
      const auto found = homes_.find(l_.pointer_of_[r]);
      if (found != homes_.end() && (!home || home->stage < found->second.stage))
        home = &found->second;
    }
    if (!home) return false;
    const int parts = stages_[home->stage].entries[home->entry].call.parts;
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
      const auto found = homes_.find(pointer);
      if (found != homes_.end() && found->second == *home) {
        for (size_t k = 0; k < b.operands.size(); ++k) {
          if (b.operands[k] == pointer && !(main.pieces >> k & 1)) return false;
        }
      } else if (producer >= 0 &&
                 last_stage_[static_cast<size_t>(producer)] >= static_cast<int>(begin)) {
        return false;
      }
    }
    for (size_t k = begin; k < std::min(begin + b.calls.size(), stages_.size()); ++k) {
      if (stages_[k].loop) return false;
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
    first_stage_[u] = static_cast<int>(stage);
    last_stage_[u] = static_cast<int>(stage + b.calls.size() - 1);
    size_t scratch = 0;
    for (const Call& c : b.calls) scratch = std::max(scratch, c.scratch_bytes);
    const int pointer = scratch ? new_buffer(scratch, first_stage_[u], last_stage_[u]) : -1;
    if (const size_t bytes = b.calls[0].packed_bytes)
      b.operands.push_back(new_buffer(bytes, first_stage_[u], last_stage_[u]));
    std::vector<Home> places;
    for (size_t k = 0; k < b.calls.size(); ++k) {
      Entry e{std::move(b.calls[k]), b.operands, pointer, where};
      if (home && k == b.main) {
        std::vector<Entry>& then = stages_[home->stage].entries[home->entry].then;
        then.push_back(std::move(e));
        places.push_back({home->stage, home->entry, then.size()});
      } else {
        append(stage + k, std::move(e));
        places.push_back({stage + k, stages_[stage + k].entries.size() - 1, 0});
      }
    }
    const Home main{places[b.main].stage, places[b.main].entry, 0};
    for (size_t o = 0; o < b.results; ++o) {
      if (pieces >> o & 1) homes_[b.operands[o]] = main;
    }
    if (l_.units_[u].chain()) pending_.push_back({u, home ? parts : 0, std::move(places)});
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
    loop->stages.push_back(std::move(last));
    const size_t begin = stage = std::max(stage, stages_.size());
    while (stages_.size() <= stage) stages_.emplace_back();
    stages_[stage].loop = std::move(loop);
    if (!after.empty()) ++stage;
    for (Entry& e : after) append(stage, std::move(e));
    blocks_.push_back(
        {new_buffer(bytes, static_cast<int>(begin), static_cast<int>(stage)), std::move(inner)});
    return stage;
  }

  /// Values that are not written in place are copied to their slots when everything has read them.
  void finish_commits() {
    const size_t stage = stages_.size();
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

  /// Gives every value of the level its place, then binds the chains, which must know what shares
  /// memory.
  void place(int end, std::vector<Placement>& placements, size_t& arena, size_t& live) {
    std::vector<bool> kept(l_.p_.nodes.size(), false);
    for (const ir::Fetch& f : l_.p_.fetches) kept[passes::root_of(l_.p_, f.node)] = true;
    for (size_t k = 0; k < l_.p_.commits.size(); ++k) {
      if (!l_.in_place_[k]) kept[passes::root_of(l_.p_, l_.p_.commits[k].value)] = true;
    }
    std::vector<int> last_read(l_.p_.nodes.size(), -1);
    for (size_t u = 0; u < l_.units_.size(); ++u) {
      for (NodeId n : l_.units_[u].nodes) kept[n] = kept[n] || fixed_[u];
      for (NodeId r : l_.memory_reads(u)) last_read[r] = std::max(last_read[r], last_stage_[u]);
    }
    // Values of the arena, each with a buffer, or sharing that of an input which ends where it
    // begins.
    std::map<NodeId, size_t> buffer_of;
    for (int u : l_.order_) {
      const Unit& unit = l_.units_[static_cast<size_t>(u)];
      for (NodeId n : unit.nodes) {
        if (l_.pointer_of_[n] < 0 || node(n).op->kind == Kind::view || l_.elsewhere_.count(n))
          continue;
        const int first = first_of(n, u),
                  last =
                      kept[n] ? end : std::max(last_read[n], last_stage_[static_cast<size_t>(u)]);
        bool shared = false;
        if (unit.chain() && node(n).op->kind == Kind::elementwise &&
            !options_.off.count("in_place")) {
          for (NodeId r : l_.memory_reads(static_cast<size_t>(u))) {
            const auto b = buffer_of.find(r);
            if (b == buffer_of.end() || kept[r] || bytes_of(node(r)) != bytes_of(node(n)) ||
                taken_.count(r))
              continue;
            if (last_read[r] != last_stage_[static_cast<size_t>(u)] ||
                !only_full(static_cast<size_t>(u), r) || !last_reader(r, u))
              continue;
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
      for (const Placement& p : inner)
        placements.push_back({p.pointer, offset.at(pointer) + p.offset});
    }
    arena = plan.arena_bytes;
    live = plan.live_bytes;
  }

  /// Scan outputs are alive from the scan's first stage, since iterations write them.
  int first_of(NodeId n, int u) const {
    const Node& x = node(n);
    if (x.op->kind == Kind::control && !x.body)
      return first_stage_[static_cast<size_t>(l_.unit_of_[x.in[0]])];
    return first_stage_[static_cast<size_t>(u)];
  }

  bool only_full(size_t u, NodeId root) const {
    const passes::ChainPlan c = passes::chain_of(l_.p_, l_.units_[u], l_.needed_);
    int full = 0;
    for (size_t i = 0; i < c.inputs.size(); ++i) {
      if (passes::root_of(l_.p_, c.inputs[i]) != root) continue;
      if (!c.program.inputs[i].whole()) return false;
      ++full;
    }
    return full == 1;
  }
  bool last_reader(NodeId root, int u) const {
    return std::ranges::all_of(l_.reading_units(root), [&](int k) {
      return k == u || last_stage_[static_cast<size_t>(k)] < first_stage_[static_cast<size_t>(u)];
    });
  }

  void bind_chains() {
    for (const auto& [u, parts, places] : pending_) {
      const passes::ChainPlan c = passes::chain_of(l_.p_, l_.units_[u], l_.needed_);
      std::vector<int> in_place;
      for (NodeId o : c.outputs) {
        int shares = -1;
        for (size_t i = 0; i < c.inputs.size(); ++i) {
          const NodeId root = passes::root_of(l_.p_, c.inputs[i]);
          const auto s = share_.find(o);
          if ((s != share_.end() && s->second == root) || l_.pointer_of_[root] == l_.pointer_of_[o])
            shares = static_cast<int>(i);
        }
        in_place.push_back(shares);
      }
      std::vector<Call> calls =
          kernels::bind_fused(c.program, in_place, !options_.off.count("named"), parts);
      calls[0].traffic = kernels::traffic_of(c.program);
      for (size_t k = 0; k < calls.size(); ++k) {
        Entry& e = stages_[places[k].stage].entries[places[k].entry];
        (places[k].then ? e.then[places[k].then - 1] : e).call = std::move(calls[k]);
      }
    }
  }

  Level& l_;
  Built& built_;
  const CompileOptions& options_;
  std::vector<Stage> stages_;
  std::vector<int> first_stage_, last_stage_;
  std::vector<bool> fixed_;  // units whose results are
  std::vector<passes::Buffer> buffers_;
  std::vector<int> owners_;                 // pointer of each buffer
  std::vector<std::pair<int, int>> alias_;  // pointer that lies where another does
  struct Pending {
    size_t unit;
    int parts;  // asked for
    std::vector<Home> places;
  };
  std::vector<Pending> pending_;  // chains
  std::map<int, Home> homes_;     // of pointers that are written in equal pieces
  std::vector<std::pair<int, std::vector<Placement>>> blocks_;
  std::map<NodeId, NodeId> share_;
  std::set<NodeId> taken_;
  std::map<NodeId, int> saved_;
};

std::vector<Stage> Level::emit(std::vector<Placement>& placements, size_t& arena, size_t& live) {
  return Emitter(*this, built_, options_).run(placements, arena, live);
}

}  // namespace latent::plan
