// From the ordered units of a level to stages of bound calls; see level.h and build.h.
#include <algorithm>
#include <cstring>

#include "plan/level.h"

namespace latent::plan {

using kernels::Call;

namespace {

/// A call that copies `bytes`; with a stride, to the slice of the current iteration.
Entry copy(const char* name, size_t bytes, int to, int from, const Where& where,
           size_t stride = 0) {
  Call c;
  c.kernel = name;
  c.run = [=](int, void* const* p, std::byte*, const kernels::RunState& s) {
    const size_t at = static_cast<size_t>(s.iteration) * stride;
    if (bytes) std::memcpy(static_cast<std::byte*>(p[0]) + at, p[1], bytes);
  };
  return {std::move(c), {to, from}, -1, where};
}

/// Turns the ordered units of a level into stages.
class Emitter {
 public:
  explicit Emitter(Level& level) : l_(level) {}

  void run() {
    for (const ir::Fetch& f : l_.program.fetches) l_.fetched.push_back(start_value(f.node));
    // Values that are not written in place are copied to their slots when everything has read
    // these.
    std::vector<Entry> assigns;
    for (const ir::Commit& c : l_.program.commits) {
      const int slot = l_.pointer_of[c.slot];
      if (l_.pointer_of[c.value] != slot)
        assigns.push_back(copy("assign", l_.bytes_of(c.slot), slot, start_value(c.value), c.where));
    }
    for (LevelUnit* u : l_.order) unit(*u);
    append(l_.stages.size(), std::move(assigns));
  }

 private:
  const Node& node(NodeId n) const { return l_.program.nodes[n]; }

  /// The memory of a value that a fetch or a commit wants: of a slot that changes during the run a
  /// copy, made before all else.
  int start_value(NodeId value) {
    const NodeId root = passes::root_of(l_.program, value);
    if (!l_.program.commit_of(root)) return l_.pointer_of[root];
    const auto [saved, first] = saved_.try_emplace(root, -1);
    if (first) {
      const size_t bytes = l_.bytes_of(root);
      saved->second = l_.new_buffer(bytes);
      append(0,
             copy("keep old value", bytes, saved->second, l_.pointer_of[root], node(root).where));
    }
    return saved->second;
  }

  CallAt append(size_t stage, Entry e) {
    if (l_.stages.size() <= stage) l_.stages.resize(stage + 1);
    std::vector<Entry>& entries = l_.stages[stage].entries;
    entries.push_back(std::move(e));
    return {{stage, entries.size() - 1}};
  }
  void append(size_t stage, std::vector<Entry> entries) {
    for (Entry& e : entries) append(stage, std::move(e));
  }

  /// First stage at which a unit may stand: after what it waits for, joining the last stage at the
  /// earliest.
  size_t earliest(const LevelUnit& u) const {
    int after = -1;
    for (const LevelUnit* b : u.before) after = std::max(after, b->last_stage);
    const int last = static_cast<int>(l_.stages.size()) - 1;
    const bool joinable = last >= 0 && !l_.stages.back().loop && !(last == 0 && !saved_.empty());
    return static_cast<size_t>(std::max(after + 1, joinable ? last : last + 1));
  }

  /// Whether the memory of a node holds the same in every run.
  bool fixed(NodeId root) const {
    if (l_.unit_of[root]) return l_.unit_of[root]->fixed;
    return std::string_view(node(root).op->name) != "feed" && !l_.program.commit_of(root);
  }

  /// Appends a call to those before the first run.
  void once(Call call, std::vector<int> operands, const Where& where) {
    const int scratch = call.scratch_bytes ? l_.new_buffer(call.scratch_bytes) : -1;
    l_.built.once.emplace_back().entries.push_back(
        {std::move(call), std::move(operands), scratch, where});
  }

  /// What the unit computes, or packs, of fixed memory alone moves before the first run. True when
  /// nothing is left.
  bool move_out(LevelUnit& u, BoundUnit& b) {
    const Node& first = node(u.nodes[0]);
    u.fixed = first.op->kind != Kind::varying &&
              std::ranges::none_of(u.nodes, [&](NodeId n) { return l_.kept[n]; }) &&
              std::ranges::all_of(u.reads, [&](NodeId r) { return fixed(r); });
    const size_t bytes = b.calls[0].packed_bytes, packs = b.calls[0].packs;
    const bool packed = bytes && fixed(passes::root_of(l_.program, first.in[packs - b.results]));
    if (packed) b.operands.push_back(l_.new_buffer(bytes));
    const size_t count = u.fixed ? b.calls.size() : packed ? 1 : 0;
    for (size_t k = 0; k < count; ++k) once(std::move(b.calls[k]), b.operands, first.where);
    b.calls.erase(b.calls.begin(), b.calls.begin() + static_cast<ptrdiff_t>(count));
    if (!u.fixed) {
      b.main -= count;
      return false;
    }
    u.first_stage = 0;  // the last stays before the first
    for (NodeId n : u.nodes) l_.kept[n] = true;
    return true;
  }

  void unit(LevelUnit& u) {
    const Node& first = node(u.nodes[0]);
    if (first.body) {
      scan(u);
    } else if (first.op->kind == Kind::control) {  // a scan's output is written by its scan
      u.first_stage = u.last_stage = l_.unit_of[first.in[0]]->last_stage;
    } else {
      BoundUnit bound = l_.bind(u, 0);
      if (l_.options.fixed_slots && move_out(u, bound)) return;
      if (!follow(u, bound)) append(u, std::move(bound), earliest(u), nullptr);
    }
  }

  /// Appends the unit behind the calls that make its input, where it takes up the same pieces and
  /// all else that it reads is there before; false where it cannot.
  bool follow(LevelUnit& u, BoundUnit& bound) {
    if (l_.options.off.count("pieces") || u.waits) return false;
    const EntryAt* home = nullptr;
    for (NodeId r : u.reads) {
      const auto found = l_.pieces.find(l_.pointer_of[r]);
      if (found != l_.pieces.end() && (!home || home->first < found->second.first))
        home = &found->second;
    }
    if (!home) return false;
    const int parts = l_.entry({*home}).call.parts;
    BoundUnit again;
    if (u.chain()) again = l_.bind(u, parts);
    BoundUnit& b = u.chain() ? again : bound;
    const Call& main = b.calls[b.main];
    if (!main.pieces || main.parts != parts) return false;
    if (home->first < b.main + (saved_.empty() ? 0 : 1)) return false;
    const size_t begin = home->first - b.main;
    for (NodeId r : u.reads) {
      const int pointer = l_.pointer_of[r];
      const auto found = l_.pieces.find(pointer);
      if (found != l_.pieces.end() && found->second == *home) {
        for (size_t k = 0; k < b.operands.size(); ++k) {
          if (b.operands[k] == pointer && !(main.pieces >> k & 1)) return false;
        }
      } else if (l_.unit_of[r] && l_.unit_of[r]->last_stage >= static_cast<int>(begin)) {
        return false;
      }
    }
    for (size_t k = begin; k < std::min(begin + b.calls.size(), l_.stages.size()); ++k) {
      if (l_.stages[k].loop) return false;
    }
    append(u, std::move(b), begin, home);
    return true;
  }

  /// Appends the calls of a unit to the stages from `stage` on, its main one behind those of
  /// `home`, and notes which results can be taken up piece by piece.
  void append(LevelUnit& u, BoundUnit b, size_t stage, const EntryAt* home) {
    const Where& where = node(u.nodes[0]).where;
    const int parts = b.calls[b.main].parts;
    const uint64_t pieces = parts > 1 ? b.calls[b.main].pieces : 0;
    u.first_stage = static_cast<int>(stage);
    u.last_stage = static_cast<int>(stage + b.calls.size() - 1);
    size_t scratch = 0;
    for (const Call& c : b.calls) scratch = std::max(scratch, c.scratch_bytes);
    const int pointer = scratch ? l_.new_buffer(scratch, u.first_stage, u.last_stage) : -1;
    if (const size_t bytes = b.calls[0].packed_bytes)
      b.operands.push_back(l_.new_buffer(bytes, u.first_stage, u.last_stage));
    for (size_t k = 0; k < b.calls.size(); ++k) {
      Entry e{std::move(b.calls[k]), b.operands, pointer, where};
      if (home && k == b.main) {
        std::vector<Entry>& then = l_.entry({*home}).then;
        then.push_back(std::move(e));
        u.calls.push_back({*home, then.size()});
      } else {
        u.calls.push_back(append(stage + k, std::move(e)));
      }
    }
    u.main = u.calls[b.main];
    u.parts = home ? parts : 0;
    for (size_t o = 0; o < b.results; ++o) {
      if (pieces >> o & 1) l_.pieces[b.operands[o]] = u.main.entry;
    }
  }

  /// The loop of a scan, whose pointers move where they can, and copies where they cannot.
  void scan(LevelUnit& u) {
    const NodeId id = u.nodes[0];
    const Node& n = node(id);
    const auto carries = static_cast<size_t>(n.attrs.integer("carries")),
               inputs = static_cast<size_t>(n.attrs.integer("inputs"));
    auto loop = std::make_unique<Loop>();
    loop->length = n.attrs.integer("length");
    loop->reverse = n.attrs.integer("reverse") != 0;
    std::map<std::string, int> given;
    for (size_t k = 0; k < n.in.size(); ++k) {
      const bool carry = k < carries, input = !carry && k < carries + inputs;
      const int outside = l_.pointer_of[n.in[k]],
                here = carry || input ? l_.built.pointers++ : outside;
      given[ops::operand_name(k, carries, inputs)] = here;
      const size_t slice = l_.bytes_of(n.in[k]) / static_cast<size_t>(loop->length);
      if (carry) loop->carries.push_back({here, outside, -1});
      if (input) loop->slides.push_back({here, outside, slice, loop->length});
    }
    CompileOptions inside = l_.options;
    inside.fixed_slots = false;
    Level body(l_.built, inside, n.body->program(), given);
    std::map<int64_t, int> outputs;  // index -> pointer in this level
    for (NodeId i = 0; i < l_.program.nodes.size(); ++i) {
      const Node& o = node(i);
      if (o.op->kind == Kind::control && !o.body && o.in[0] == id && l_.pointer_of[i] >= 0)
        outputs[o.attrs.integer("index")] = l_.pointer_of[i];
    }
    std::vector<Entry> last, after;  // of an iteration; of the loop
    // A value that a unit computes is written where it stays: in its slice of an output, else where
    // the next iteration does not write. First the outputs, so that carries are where these are.
    for (const bool carry : {false, true}) {
      for (const ir::Fetch& f : body.program.fetches) {
        if (f.name.starts_with("carry") != carry) continue;
        const auto k = std::stoul(f.name.substr(f.name.find(':') + 1));
        const auto o = outputs.find(static_cast<int64_t>(carry ? k : carries + k));
        if (!carry && o == outputs.end()) continue;
        const NodeId root = passes::root_of(body.program, f.node);
        const int value = body.pointer_of[root];
        const size_t bytes = body.bytes_of(f.node);
        const bool computed = body.unit_of[root] && body.bytes_of(root) == bytes,
                   moves = computed && body.elsewhere.insert(root).second;
        if (!carry && moves)
          loop->slides.push_back({value, o->second, bytes, loop->length});
        else if (!carry)
          last.push_back(copy("slice out", bytes, o->second, value, n.where, bytes));
        if (!carry) continue;
        int next = value;
        if (!computed) {
          next = l_.built.pointers++;
          last.push_back(copy("next carry", bytes, next, value, n.where));
        }
        if (moves || !computed)
          loop->slides.push_back({next, body.new_buffer(2 * bytes), bytes, 2});
        loop->carries[k].next = next;
        if (o != outputs.end()) after.push_back(copy("carry out", bytes, o->second, next, n.where));
      }
    }
    emit(body);
    place(body);
    loop->stages = std::move(body.stages);
    if (!last.empty()) loop->stages.emplace_back().entries = std::move(last);
    const size_t begin = std::max(earliest(u), l_.stages.size()), end = begin + !after.empty();
    l_.stages.resize(begin + 1);
    l_.stages[begin].loop = std::move(loop);
    append(end, std::move(after));
    u.first_stage = static_cast<int>(begin);
    u.last_stage = static_cast<int>(end);
    l_.blocks.push_back(
        {l_.new_buffer(body.arena_bytes, u.first_stage, u.last_stage), std::move(body.placements)});
  }

  Level& l_;
  std::map<NodeId, int> saved_;  // slots whose old value is kept, and where
};

}  // namespace

void emit(Level& level) { Emitter(level).run(); }

}  // namespace latent::plan
