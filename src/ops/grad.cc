// Reverse mode: walks the nodes below y backwards and adds cotangents by each op's rule. The rules
// make graph nodes, so a gradient fuses, plans and differentiates again like anything else. Scans
// are handed to scan_grad.
#include "ops/grad.h"

#include <map>

#include "ops/family.h"

namespace latent {

namespace ops {

std::vector<Expr> backward(Graph& g, const std::vector<std::pair<ir::NodeId, Expr>>& seeds,
                           const std::vector<ir::NodeId>& xs, Where where) {
  const std::deque<ir::Node>& nodes = g.program().nodes;
  ir::NodeId top = 0;
  for (const auto& [node, seed] : seeds) top = std::max(top, node);
  // Only nodes that depend on an x need a cotangent.
  std::vector<bool> wanted(top + 1, false);
  for (ir::NodeId x : xs) {
    if (x <= top) wanted[x] = true;
  }
  for (ir::NodeId i = 0; i <= top; ++i) {
    for (ir::NodeId in : nodes[i].in) wanted[i] = wanted[i] || wanted[in];
  }
  std::map<ir::NodeId, Expr> cotangent;
  const auto add_to = [&](ir::NodeId node, Expr e) {
    if (!e.valid() || !wanted[node]) return;
    Expr& sum = cotangent[node];
    sum = sum.valid() ? add(sum, e) : e;
  };
  At at(where);
  for (const auto& [node, seed] : seeds) add_to(node, seed);
  for (ir::NodeId i = top + 1; i-- > 0;) {
    const ir::Node& n = nodes[i];
    const auto found = cotangent.find(i);
    if (found == cotangent.end() || n.in.empty()) continue;
    std::vector<Expr> dx;
    if (n.body) {  // of all its outputs at once
      std::map<size_t, Expr> outputs;
      for (ir::NodeId k = i + 1; k <= top; ++k) {
        if (nodes[k].op->kind == ir::Kind::control && !nodes[k].body && nodes[k].in[0] == i &&
            cotangent.count(k))
          outputs[static_cast<size_t>(nodes[k].attrs.integer("index"))] = cotangent[k];
      }
      std::vector<bool> needs;
      for (ir::NodeId in : n.in) needs.push_back(wanted[in]);
      dx = scan_grad(g, i, outputs, needs);
    } else if (n.op->kind == ir::Kind::control) {
      cotangent.emplace(n.in[0], found->second);  // marks the scan as reached
    } else if (const auto* none = std::get_if<ir::NoGradient>(&n.op->grad)) {
      throw UsageError(std::string("grad: no gradient flows through ") + n.op->name + " (" +
                           n.where.text() + "): " + none->reason,
                       where);
    } else {
      dx = std::get<ir::GradRule>(n.op->grad)({g, i, found->second});
    }
    for (size_t k = 0; k < dx.size(); ++k) add_to(n.in[k], dx[k]);
  }
  std::vector<Expr> result;
  for (ir::NodeId x : xs) {
    const auto found = cotangent.find(x);
    result.push_back(found == cotangent.end() ? Expr{} : found->second);
  }
  return result;
}

}  // namespace ops

std::vector<Expr> grad(Arg y, const std::vector<Expr>& xs) {
  const Where where = ir::current_where(y.where());
  if (y.is_number()) throw UsageError("grad: y is a number, not an Expr", where);
  const Expr e = y.expr();
  if (e.shape().elements() != 1) {
    throw UsageError(
        "grad: y must be a scalar, found " + e.shape().text() + "; take its sum or mean first",
        where);
  }
  if (e.dtype() != DType::f32)
    throw UsageError(std::string("grad: y is ") + name_of(e.dtype()) + "; only f32 has a gradient",
                     where);
  Graph& g = e.graph();
  At at(where);
  std::vector<bool> reached(g.program().nodes.size(), false);
  reached[e.id()] = true;
  for (ir::NodeId i = e.id() + 1; i-- > 0;) {
    if (!reached[i]) continue;
    for (ir::NodeId in : g.program().nodes[i].in) reached[in] = true;
  }
  std::vector<ir::NodeId> ids;
  for (const Expr& x : xs) {
    if (&x.graph() != &g) throw UsageError("grad: an x belongs to another graph", where);
    if (!reached[x.id()]) {
      const ir::SlotInfo* slot = g.program().slot_of(x.id());
      throw UsageError("grad: y does not depend on " +
                           (slot ? "\"" + slot->name + "\"" : "x " + x.shape().text()) + " (" +
                           g.program().nodes[x.id()].where.text() + ")",
                       where);
    }
    ids.push_back(x.id());
  }
  Expr one = ops::filled(g, 1, e.shape());
  std::vector<Expr> result = ops::backward(g, {{e.id(), one}}, ids, where);
  for (size_t k = 0; k < result.size(); ++k) {
    if (!result[k].valid()) result[k] = ops::filled(g, 0, xs[k].shape());
  }
  return result;
}

}  // namespace latent
