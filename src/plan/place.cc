// Where the values of a level lie: in the arena by the stages at which they are alive, or, where
// all of one is made and read within the same parts, piece by piece in the memory of the thread
// that runs the part. Then binds the chains, which must know what shares memory. See level.h.
#include <algorithm>

#include "kernels/traffic.h"
#include "plan/emitted.h"
#include "plan/level.h"

namespace latent::plan {

/// Gives the values of a level their places.
class Placer {
 public:
  Placer(Level& level, Built& built, const CompileOptions& options, Emitted& from)
      : l_(level), built_(built), options_(options), from_(from) {}

  void run(std::vector<Placement>& placements, size_t& arena, size_t& live) {
    const int end = static_cast<int>(from_.stages.size());
    for (const auto& [pointer, buffer] : from_.buffers)
      arena_.add(pointer, {buffer.bytes, buffer.first, std::min(buffer.last, end)});
    for (const auto& [pointer, bytes] : l_.whole_) arena_.add(pointer, {bytes, 0, end});
    find_kept();
    for (int u : l_.order_) {
      for (NodeId n : l_.units_[static_cast<size_t>(u)].nodes) {
        if (l_.pointer_of_[n] >= 0 && l_.p_.nodes[n].op->kind != Kind::view &&
            !l_.elsewhere_.count(n))
          value(n, static_cast<size_t>(u), end);
      }
    }
    bind_chains();
    std::map<int, size_t> offsets;
    const passes::MemoryPlan plan = arena_.place([&](int pointer, size_t offset, size_t) {
      placements.push_back({pointer, offset});
      offsets[pointer] = offset;
    });
    arena = plan.arena_bytes;
    live = plan.live_bytes;
    for (const auto& [pointer, inner] : from_.blocks) {
      for (const Placement& p : inner)
        placements.push_back({p.pointer, offsets.at(pointer) + p.offset});
    }
    for (const auto& [home, region] : local_) {
      Entry& e = from_.stages[home.first].entries[home.second];
      const passes::MemoryPlan own = region.place([&](int pointer, size_t offset, size_t bytes) {
        e.locals.push_back({pointer, offset, bytes});
      });
      built_.local_bytes = std::max(built_.local_bytes, own.arena_bytes);
      built_.local_live_bytes = std::max(built_.local_live_bytes, own.live_bytes);
    }
  }

 private:
  /// Memory laid out by one clock: the arena by stages, a thread's own by the calls of a part.
  struct Region {
    std::vector<int> owners;  // pointer of each buffer
    std::vector<passes::Buffer> buffers;
    std::vector<std::pair<int, size_t>> shares;  // pointers that lie in the buffer of another

    size_t add(int pointer, const passes::Buffer& buffer) {
      owners.push_back(pointer);
      buffers.push_back(buffer);
      return buffers.size() - 1;
    }
    /// Calls put(pointer, offset, bytes) for each pointer.
    template <class Put>
    passes::MemoryPlan place(const Put& put) const {
      passes::MemoryPlan plan = passes::place(buffers);
      for (size_t i = 0; i < buffers.size(); ++i) put(owners[i], plan.offsets[i], buffers[i].bytes);
      for (const auto& [pointer, i] : shares) put(pointer, plan.offsets[i], buffers[i].bytes);
      return plan;
    }
  };
  struct Span {
    int first, last;
  };

  const Node& node(NodeId n) const { return l_.p_.nodes[n]; }

  /// Values that stay until the run is over.
  void find_kept() {
    kept_.assign(l_.p_.nodes.size(), false);
    for (const ir::Fetch& f : l_.p_.fetches) kept_[passes::root_of(l_.p_, f.node)] = true;
    for (size_t k = 0; k < l_.p_.commits.size(); ++k) {
      if (!l_.in_place_[k]) kept_[passes::root_of(l_.p_, l_.p_.commits[k].value)] = true;
    }
    for (size_t u = 0; u < l_.units_.size(); ++u) {
      for (NodeId n : l_.units_[u].nodes) kept_[n] = kept_[n] || from_.fixed[u];
    }
  }

  /// A thread's own where the value is made piece by piece and all that reads it follows its maker.
  Region& region_of(NodeId n, const std::vector<int>& readers) {
    const auto made = from_.homes.find(l_.pointer_of_[n]);
    if (made == from_.homes.end() || kept_[n]) return arena_;
    for (int r : readers) {
      if (!from_.at[static_cast<size_t>(r)].with(made->second)) return arena_;
    }
    return local_[{made->second.stage, made->second.entry}];
  }

  /// When a unit runs, by the clock of a region.
  Span when(const Region& region, size_t u) const {
    if (&region == &arena_) return {from_.first_stage[u], from_.last_stage[u]};
    const int at = static_cast<int>(from_.at[u].then);
    return {at, at};
  }

  /// A buffer for value n of unit u, or that of an input which ends where the value begins.
  void value(NodeId n, size_t u, int end) {
    const std::vector<int> readers = l_.reading_units(n);
    Region& region = region_of(n, readers);
    const Span own = when(region, u);
    int first = own.first, last = kept_[n] ? end : own.last;
    // Scan outputs are alive from the scan's first stage, since iterations write them.
    if (node(n).op->kind == Kind::control && !node(n).body)
      first = from_.first_stage[static_cast<size_t>(l_.unit_of_[node(n).in[0]])];
    for (int r : readers) last = std::max(last, when(region, static_cast<size_t>(r)).last);
    if (l_.units_[u].chain() && node(n).op->kind == Kind::elementwise &&
        !options_.off.count("in_place")) {
      for (NodeId r : l_.memory_reads(u)) {
        const auto place = place_of_.find(r);
        if (place == place_of_.end() || place->second.first != &region || kept_[r] ||
            bytes_of(node(r)) != bytes_of(node(n)) || taken_.count(r) || !only_full(u, r) ||
            !last_reader(region, r, u))
          continue;
        const size_t buffer = place->second.second;
        region.buffers[buffer].last = std::max(region.buffers[buffer].last, last);
        region.shares.emplace_back(l_.pointer_of_[n], buffer);
        place_of_[n] = {&region, buffer};
        share_[n] = r;
        taken_.insert(r);
        return;
      }
    }
    size_t bytes = bytes_of(node(n));
    if (&region != &arena_)
      bytes /= static_cast<size_t>(parts_of(from_.homes.at(l_.pointer_of_[n])));
    place_of_[n] = {&region, region.add(l_.pointer_of_[n], {bytes, first, last})};
  }

  int parts_of(const Home& home) const {
    return from_.stages[home.stage].entries[home.entry].call.parts;
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
  bool last_reader(const Region& region, NodeId root, size_t u) const {
    return std::ranges::all_of(l_.reading_units(root), [&](int k) {
      const auto other = static_cast<size_t>(k);
      return other == u || when(region, other).last < when(region, u).first;
    });
  }

  void bind_chains() {
    for (const auto& [u, parts, places] : from_.chains) {
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
      std::vector<kernels::Call> calls =
          kernels::bind_fused(c.program, in_place, !options_.off.count("named"), parts);
      calls[0].traffic = kernels::traffic_of(c.program);
      for (size_t k = 0; k < calls.size(); ++k) {
        Entry& e = from_.stages[places[k].stage].entries[places[k].entry];
        (places[k].then ? e.then[places[k].then - 1] : e).call = std::move(calls[k]);
      }
    }
  }

  Level& l_;
  Built& built_;
  const CompileOptions& options_;
  Emitted& from_;
  std::vector<bool> kept_;
  Region arena_;
  std::map<std::pair<size_t, size_t>, Region> local_;      // by stage and entry
  std::map<NodeId, std::pair<Region*, size_t>> place_of_;  // of values with a buffer
  std::map<NodeId, NodeId> share_;  // a value and the input whose buffer it has
  std::set<NodeId> taken_;          // such inputs
};

void Level::place(Emitted& emitted, std::vector<Placement>& placements, size_t& arena,
                  size_t& live) {
  Placer(*this, built_, options_, emitted).run(placements, arena, live);
}

}  // namespace latent::plan
