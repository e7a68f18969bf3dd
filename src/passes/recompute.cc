// Values that a chain would keep for a later chain, most often one of the backward pass, are
// computed again where they are read, when that costs a few cheap steps on a result that lies in
// memory anyway: the deviation from the batch's mean, an activation's argument. The reader then
// loads one tensor as before, and nothing is stored. The same steps on the same operands keep their
// bits.
#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>

#include "passes/pass.h"

namespace latent::passes {

namespace {

using ir::Kind;
using ir::Node;
using ir::NodeId;

constexpr int kMostSteps = 3;  // computed again for one value
// Elements of a value worth it. Small ones stay in cache, and chains with copies have no prebuilt
// kernels.
constexpr int64_t kLeast = 16384;

bool is_cheap(const Node& n) {
  static constexpr std::array<std::string_view, 7> kCheap = {"add",    "sub",  "mul", "neg",
                                                             "square", "relu", "step"};
  return n.op->kind == Kind::elementwise && n.dtype == DType::f32 &&
         std::find(kCheap.begin(), kCheap.end(), n.op->name) != kCheap.end();
}

class Recompute {
 public:
  explicit Recompute(const ir::Program& p)
      : p_(p), units_(fuse(p, true)), unit_of_(p.nodes.size(), nullptr), kept_(kept(p)) {
    for (const Unit& u : units_) {
      for (NodeId n : u.nodes) unit_of_[n] = &u;
    }
    for (NodeId i = 0; i < p.nodes.size(); ++i) {
      if (unit_of_[i] && unit_of_[i]->chain()) continue;
      for (NodeId in : p.nodes[i].in) kept_[in] = true;
    }
  }

  ir::Program run() {
    ir::Program out;
    for (NodeId i = 0; i < p_.nodes.size(); ++i) {
      Node n = p_.nodes[i];
      for (NodeId& in : n.in) in = moved(out, in, unit_of_[i]);
      map_.push_back(add_node(out, std::move(n)));
    }
    if (copies_.empty()) return p_;
    take_lists(out, p_, map_);
    out = rewrite(out, add_node);
    return fuse(out, true).size() > units_.size() ? p_ : out;  // a copy found no chain to join
  }

 private:
  /// What n is computed from: a result of a kernel of its own, beside values that repeat.
  struct Cone {
    NodeId root;
    int steps;
  };
  std::optional<Cone> cone(NodeId n) const {
    const Node& node = p_.nodes[n];
    if (!is_cheap(node) || node.shape.elements() < kLeast) return std::nullopt;
    std::optional<Cone> all;
    int steps = 1;
    for (NodeId in : node.in) {
      const Node& x = p_.nodes[in];
      if (x.op->kind == Kind::broadcast && !unit_of_[in]) continue;
      std::optional<Cone> one;
      if (p_.nodes[root_of(p_, in)].op->kind == Kind::general)
        one = Cone{root_of(p_, in), 0};
      else
        one = cone(in);
      if (!one || (all && all->root != one->root)) return std::nullopt;
      all = one;
      steps += one->steps;
    }
    if (!all || steps > kMostSteps) return std::nullopt;
    return Cone{all->root, steps};
  }

  /// The operand `in` for a reader in `unit`: itself, or a copy in the unit.
  NodeId moved(ir::Program& out, NodeId in, const Unit* unit) {
    const bool elsewhere = unit && unit_of_[in] && unit_of_[in] != unit;
    if (!elsewhere || kept_[in] || !cone(in)) return map_[in];
    const auto copy = copies_.find({in, unit});
    if (copy != copies_.end()) return copy->second;
    Node n = p_.nodes[in];
    for (NodeId& operand : n.in) operand = moved(out, operand, unit);
    return copies_[{in, unit}] = add_node(out, std::move(n));
  }

  const ir::Program& p_;
  const std::vector<Unit> units_;
  std::vector<const Unit*> unit_of_;  // null: in none
  std::vector<bool> kept_;            // read from memory by something else than a chain
  std::vector<NodeId> map_;
  std::map<std::pair<NodeId, const Unit*>, NodeId> copies_;
};

}  // namespace

ir::Program recompute(const ir::Program& program) { return Recompute(program).run(); }

}  // namespace latent::passes
