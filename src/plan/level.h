// One level of a plan in the making: a program, or the body of a scan. Lowers it, gives its values
// pointers, decides which slots are written where they lie, and orders its units; emit.cc then
// makes stages, place.cc gives the values memory.
#pragma once

#include <map>
#include <set>
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

struct Emitted;

struct BoundUnit {
  std::vector<kernels::Call> calls;
  std::vector<int> operands;  // pointers, results first
  size_t results = 1;
  size_t main = 0;  // the call that takes equal pieces, if any does
};

/// Plans one level: the program, or the body of a scan inside it.
class Level {
 public:
  Level(Built& built, const CompileOptions& options) : built_(built), options_(options) {}

  /// `given` are nodes whose memory the level does not own (captured values); others get pointers
  /// here.
  void run(const ir::Program& program, const std::map<std::string, int>& given);

  const ir::Program& program() const { return p_; }
  int pointer(NodeId n) const { return pointer_of_[passes::root_of(p_, n)]; }
  std::vector<int> pointers() const;
  std::vector<passes::PassReport>& reports() { return reports_; }

  /// Emits stages and places buffers; in a body, values are kept alive to the end for the copies
  /// that follow.
  std::vector<Stage> emit(std::vector<Placement>& placements, size_t& arena, size_t& live);

  /// A pointer for a buffer of this level, alive from its first stage to its last.
  int whole_buffer(size_t bytes);

 private:
  /// Gives every value its memory and binds the chains again: place.cc.
  void place(Emitted& emitted, std::vector<Placement>& placements, size_t& arena, size_t& live);

  /// Nodes whose values a unit other than their own, a fetch or a commit reads: they get memory.
  void find_needed();
  void give_pointers(const std::map<std::string, int>& given);

  /// The calls of a unit; of a chain as many parts as wanted, 0: its own number. It is bound again
  /// when it is known what shares memory.
  BoundUnit bind(size_t u, int parts) const;

  /// Units that read the memory of a node.
  std::vector<int> reading_units(NodeId root) const;

  void find_reads();
  /// Roots that a unit reads from memory.
  const std::vector<NodeId>& memory_reads(size_t u) const { return reads_[u]; }

  /// Whether a path leads from unit `earlier` to unit `later`.
  bool depends(int later, int earlier) const;

  /// A slot is written where it lies when its new value comes from a chain that can run after all
  /// other readers.
  void choose_commits();

  /// Order of the units: operands first; a unit that writes slots as soon as it may, else in the
  /// order of the trace.
  void schedule();

  Built& built_;
  const CompileOptions& options_;
  ir::Program p_;
  std::vector<Unit> units_;
  std::vector<passes::PassReport> reports_;
  std::vector<int> unit_of_, pointer_of_, order_;
  std::vector<bool> needed_, in_place_;
  std::vector<std::pair<int, int>> after_;  // (reader, writer)
  std::vector<std::vector<NodeId>> reads_;
  std::vector<std::pair<int, size_t>> whole_;
  std::set<NodeId> elsewhere_;  // values that lie in slots, or where a loop moves their pointers

  friend class Emitter;
  friend class Placer;
};

}  // namespace latent::plan
