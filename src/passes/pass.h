// The passes between a traced program and a plan, in the order of pipeline.cc. A pass that rewrites
// takes a program and gives a new one; the later ones (fuse, schedule, memory) say how it will run
// without changing it.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kernels/fused.h"
#include "ops/family.h"

namespace latent::passes {

/// Passes by name that are switched off; "named" stands for the prebuilt kernels of chains.
using Off = std::set<std::string>;

/// Rebuilds a program from its live nodes: `visit` gets each node with its operands already
/// renumbered and either adds it to `out` (add_node) or returns a node of `out` that stands for it.
/// Sources are kept even when nothing reads them.
ir::Program rewrite(const ir::Program& program,
                    const std::function<ir::NodeId(ir::Program& out, ir::Node node)>& visit);
ir::NodeId add_node(ir::Program& out, ir::Node node);
/// Gives `out` the slots, commits, fetches and schedules of `from`, whose node i is map[i] there.
void take_lists(ir::Program& out, const ir::Program& from, const std::vector<ir::NodeId>& map);
/// What the op of a node says of its shape and type.
ir::ResultType type_of(const ir::Program& program, const ir::Node& node);

/// Loop-invariant work leaves the scans: what depends on captured values alone is computed before.
ir::Program hoist(const ir::Program& program);
/// Algebra that needs no value: neutral operands, folded constants, broadcasts moved behind scalar
/// work, views of views.
ir::Program simplify(const ir::Program& program);
/// Products read bf16 copies of their operands.
ir::Program lower_precision(const ir::Program& program);
/// Equal nodes become one; never noise, sources or scans.
ir::Program merge_equal(const ir::Program& program);
/// Chains compute cheap values again rather than keep them for later chains. The last before fuse.
ir::Program recompute(const ir::Program& program);
/// Throws InternalError naming the node when the program is not well formed.
void verify(const ir::Program& program, const std::string& after);

/// What runs together: one chain of elementwise nodes and their reductions, or one node of another
/// kind.
struct Unit {
  std::vector<ir::NodeId> nodes;  // in order
  int64_t rows = 0;               // of a chain's domain; 0 for a unit that is no chain
  bool chain() const { return rows > 0; }
};
std::vector<Unit> fuse(const ir::Program& program, bool enabled);

/// A chain as the kernel wants it: the program, and the nodes behind its inputs and outputs.
struct ChainPlan {
  kernels::FusedProgram program;
  std::vector<ir::NodeId> inputs, outputs;
};
ChainPlan chain_of(const ir::Program& program, const Unit& unit,
                   const std::vector<bool>& needed_outside);

/// Follows views to the node that owns the memory.
ir::NodeId root_of(const ir::Program& program, ir::NodeId node);
bool is_source(const ir::Node& node);
/// Nodes whose memory fetches and commits read, as a mask.
std::vector<bool> kept(const ir::Program& program);
/// The number that every element of a node has, when it is a constant or repeats one.
std::optional<double> constant_of(const ir::Program& program, ir::NodeId node);
/// Whether elementwise readers may take the node from the memory of its operand: a broadcast or a
/// window. One that stands in no unit is taken so by all its readers.
bool is_reading(const ir::Node& node);
/// Of a reduction: whether it is a maximum, else a sum; its operand's extents before, among and
/// behind the axes over which it goes.
bool is_maximum(const ir::Node& reduction);
ops::Split3 split_of(const ir::Node& reduction, const Shape& operand);

/// One pass that was run, for `explain`.
struct PassReport {
  std::string name;
  double milliseconds;
  size_t nodes_before, nodes_after;
};
struct Lowered {
  ir::Program program;
  std::vector<Unit> units;
  std::vector<PassReport> reports;
};
/// All passes up to fuse.
Lowered lower(const ir::Program& program, bool bf16, const Off& off, bool check);

}  // namespace latent::passes
