// Where the values of a level lie: in the arena by the stages at which they are alive, or, where
// all of one is made and read within the same parts, piece by piece in the memory of the thread
// that runs the part. Then binds the chains, which must know what shares memory. See level.h.
#include <algorithm>

#include "plan/level.h"

namespace latent::plan {

namespace {

/// Gives the values of a level their places.
class Placer {
 public:
  explicit Placer(Level& level) : l_(level), end_(static_cast<int>(level.stages.size())) {}

  void run() {
    for (passes::Buffer& b : l_.arena) b.last = std::min(b.last, end_);
    for (const LevelUnit* u : l_.order) {
      for (NodeId n : u->nodes) {
        if (l_.pointer_of[n] >= 0 && !l_.elsewhere.count(n)) value(n, *u);
      }
    }
    bind_chains();
    const passes::MemoryPlan plan = passes::place(l_.arena);
    for (const passes::Buffer& b : l_.arena) {
      for (int pointer : b.pointers) l_.placements.push_back({pointer, b.offset});
    }
    l_.arena_bytes = plan.arena_bytes;
    l_.live_bytes = plan.live_bytes;
    for (const auto& [pointer, inner] : l_.blocks) {
      const size_t base = std::ranges::find(l_.placements, pointer, &Placement::pointer)->offset;
      for (const Placement& p : inner) l_.placements.push_back({p.pointer, base + p.offset});
    }
    for (auto& [home, buffers] : local_) {
      const passes::MemoryPlan own = passes::place(buffers);
      for (const passes::Buffer& b : buffers) {
        for (int pointer : b.pointers)
          l_.entry({home}).locals.push_back({pointer, b.offset, b.bytes});
      }
      l_.built.local_bytes = std::max(l_.built.local_bytes, own.arena_bytes);
      l_.built.local_live_bytes = std::max(l_.built.local_live_bytes, own.live_bytes);
    }
  }

 private:
  /// Memory laid out by one clock: the arena by stages, a thread's own by the calls of a part.
  using Region = passes::Buffers;
  struct Span {
    int first, last;
  };

  /// A thread's own where the value is made piece by piece and all that reads it follows its maker.
  Region& region_of(NodeId n) {
    const auto made = l_.pieces.find(l_.pointer_of[n]);
    const bool own = made != l_.pieces.end() && !l_.kept[n] &&
                     std::ranges::all_of(l_.readers[n], [&](const LevelUnit* r) {
                       return r->main.entry == made->second;
                     });
    return own ? local_[made->second] : l_.arena;
  }

  /// When a unit runs, by the clock of a region.
  Span when(const Region& region, const LevelUnit& u) const {
    if (&region == &l_.arena) return {u.first_stage, u.last_stage};
    const int at = static_cast<int>(u.main.then);
    return {at, at};
  }

  /// A buffer for value n of unit u, or that of an input which ends where the value begins.
  void value(NodeId n, const LevelUnit& u) {
    Region& region = region_of(n);
    const Span own = when(region, u);
    int first = own.first, last = l_.kept[n] ? end_ : own.last;
    // Scan outputs are alive from the scan's first stage, since iterations write them.
    const Node& node = l_.program.nodes[n];
    if (node.op->kind == Kind::control && !node.body) first = l_.unit_of[node.in[0]]->first_stage;
    for (const LevelUnit* r : l_.readers[n]) last = std::max(last, when(region, *r).last);
    if (u.chain() && node.op->kind == Kind::elementwise && !l_.options.off.count("in_place")) {
      for (NodeId r : u.reads) {
        const auto found = buffer_of_.find(r);
        if (found == buffer_of_.end() || &region_of(r) != &region || l_.kept[r] ||
            l_.bytes_of(r) != l_.bytes_of(n) || !l_.reads_whole(u, r) || !last_reader(region, r, u))
          continue;
        passes::Buffer& buffer = *found->second;
        if (buffer.pointers.back() != l_.pointer_of[r]) continue;  // another value has taken it
        buffer.pointers.push_back(l_.pointer_of[n]);
        buffer.last = std::max(buffer.last, last);
        buffer_of_[n] = &buffer;
        return;
      }
    }
    size_t bytes = l_.bytes_of(n);
    if (&region != &l_.arena) bytes /= static_cast<size_t>(l_.entry({u.main.entry}).call.parts);
    buffer_of_[n] = &region.emplace_back(passes::Buffer{bytes, first, last, {l_.pointer_of[n]}});
  }

  bool last_reader(const Region& region, NodeId root, const LevelUnit& u) const {
    return std::ranges::all_of(l_.readers[root], [&](const LevelUnit* other) {
      return other == &u || when(region, *other).last < when(region, u).first;
    });
  }

  /// Whether the memory of an input becomes that of an output of the chain.
  bool shared(NodeId input, NodeId output) const {
    const auto in = buffer_of_.find(input), out = buffer_of_.find(output);
    const bool placed = in != buffer_of_.end() && out != buffer_of_.end();
    return l_.pointer_of[input] == l_.pointer_of[output] || (placed && in->second == out->second);
  }

  void bind_chains() {
    for (const LevelUnit* u : l_.order) {
      if (!u->chain() || u->calls.empty()) continue;
      const passes::ChainPlan& c = u->fused;
      std::vector<int> in_place(c.outputs.size(), -1);
      for (size_t o = 0; o < c.outputs.size(); ++o) {
        for (size_t i = 0; i < c.inputs.size(); ++i) {
          if (shared(passes::root_of(l_.program, c.inputs[i]), c.outputs[o]))
            in_place[o] = static_cast<int>(i);
        }
      }
      std::vector<kernels::Call> calls =
          kernels::bind_fused(c.program, in_place, !l_.options.off.count("named"), u->parts);
      for (size_t k = 0; k < calls.size(); ++k) l_.entry(u->calls[k]).call = std::move(calls[k]);
    }
  }

  Level& l_;
  int end_;                          // after all stages
  std::map<EntryAt, Region> local_;  // of threads, by the entry whose parts they are for
  std::map<NodeId, passes::Buffer*> buffer_of_;  // of values
};

}  // namespace

void place(Level& level) { Placer(level).run(); }

}  // namespace latent::plan
