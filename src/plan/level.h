// One level of a plan in the making: a program, or the body of a scan. level.cc lowers it, gives
// its values pointers, decides which slots are written where they lie, and orders its units;
// emit.cc makes stages of these, place.cc gives the values memory.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "passes/memory.h"
#include "plan/build.h"

namespace latent::plan {

using ir::Kind;
using ir::Node;
using ir::NodeId;

/// Where a call stands: an entry of a stage, or the then-th that follows it.
using EntryAt = std::pair<size_t, size_t>;  // stage, entry
struct CallAt {
  EntryAt entry = {~size_t{0}, 0};  // no stage
  size_t then = 0;
};

/// What runs together, and what is known of it so far.
struct LevelUnit : passes::Unit {
  passes::ChainPlan fused;         // of a chain
  std::set<NodeId> reads;          // roots of what it reads from memory
  std::vector<LevelUnit*> before;  // what must have run
  bool commits = false;            // writes slots where they lie,
  bool waits = false;              // after others have read them
  // From emit.cc.
  int first_stage = -1, last_stage = -1;  // -1: none
  bool fixed = false;                     // runs once
  CallAt main;                            // of its calls
  std::vector<CallAt> calls;
  int parts = 0;  // asked for of a chain, which is bound again when it is known what shares memory
};

struct BoundUnit {
  std::vector<kernels::Call> calls;
  std::vector<int> operands;  // pointers, results first
  size_t results = 1;
  size_t main = 0;  // the call that takes equal pieces, if any does
};

struct Level : Planned {
  Built& built;
  const CompileOptions& options;
  std::vector<LevelUnit> units;
  std::vector<LevelUnit*> order;  // in which they run
  // Of each node: its unit or null; of a root, who reads it from memory, and whether that is read
  // when all stages are over.
  std::vector<LevelUnit*> unit_of;
  std::vector<std::vector<LevelUnit*>> readers;
  std::vector<bool> kept;
  std::set<NodeId> elsewhere;  // values that lie in slots, or where a loop moves their pointers
  passes::Buffers arena;       // alive by stages
  // From emit.cc: `pieces` are pointers that an entry writes in equal pieces, `blocks` the memory
  // of loops, each within a buffer.
  std::map<int, EntryAt> pieces;
  std::vector<std::pair<int, std::vector<Placement>>> blocks;

  /// `given` are the pointers of feeds whose memory the level does not own; others get theirs here.
  Level(Built& all, const CompileOptions& how, const ir::Program& from,
        const std::map<std::string, int>& given);
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

  size_t bytes_of(NodeId n) const {
    const Node& node = program.nodes[n];
    return static_cast<size_t>(node.shape.elements()) * size_of(node.dtype);
  }
  Entry& entry(const CallAt& at) {
    Entry& e = stages[at.entry.first].entries[at.entry.second];
    return at.then ? e.then[at.then - 1] : e;
  }

  /// A pointer for a buffer that is alive from one stage to another.
  int new_buffer(size_t bytes, int first = 0, int last = kEver);
  static constexpr int kEver = 1 << 30;  // a stage after all others

  /// The calls of a unit; of a chain as many parts as wanted, 0: its own number.
  BoundUnit bind(const LevelUnit& u, int parts) const;

  /// Whether a chain reads a root, where it does, element by element alone.
  bool reads_whole(const LevelUnit& u, NodeId root) const;

 private:
  /// Whether readers take the node, a broadcast or a window, from the memory of its operand.
  bool absorbed(NodeId n) const;
  void find_reads();
  void give_pointers(const std::map<std::string, int>& given, const std::vector<bool>& needed);

  /// A slot is written where it lies when its new value comes from a chain that can run after all
  /// other readers.
  void choose_commits();

  /// Order of the units: what must have run first; a unit that writes slots as soon as it may, else
  /// in the order of the trace.
  void schedule();
};

/// Makes stages of the units.
void emit(Level& level);

/// Gives every value its memory and binds the chains again.
void place(Level& level);

}  // namespace latent::plan
