// Loop-invariant work leaves a scan: nodes of its body that depend on captured values and constants
// alone are computed once before it, and the body captures their results. The same kernels run on
// the same operands, so results keep their bits. The first of the passes, so that what the forward
// and the backward scan of one loop have hoisted is merged.
#include <functional>
#include <map>
#include <memory>

#include "passes/pass.h"

namespace latent::passes {

namespace {

using ir::Kind;
using ir::Node;
using ir::NodeId;

/// Sources have nothing to leave with; views and broadcasts stay beside what reads them.
bool computes(const Node& n) {
  return n.op->kind != Kind::source && n.op->kind != Kind::view && n.op->kind != Kind::broadcast;
}

/// Moves the invariant work of the body of `scan`, a node about to be added to `out`, into `out`.
void leave(ir::Program& out, Node& scan) {
  auto graph = std::make_shared<Graph>();
  ir::Program& body = graph->program();
  body = hoist(scan.body->program());  // scans inside first: what leaves them may leave this one
  const std::vector<bool> invariant = body.invariant(), live = body.live();
  const auto leaves = [&](NodeId i) { return live[i] && invariant[i] && computes(body.nodes[i]); };
  std::vector<bool> read(body.nodes.size(), false);  // by what stays
  for (NodeId i = 0; i < body.nodes.size(); ++i) {
    if (!live[i] || leaves(i)) continue;
    for (NodeId in : body.nodes[i].in) read[in] = true;
  }
  for (const ir::Fetch& f : body.fetches) read[f.node] = true;

  const auto first =
      static_cast<size_t>(scan.attrs.integer("carries") + scan.attrs.integer("inputs"));
  const ir::Program before = body;
  std::map<NodeId, NodeId> outside;
  const std::function<NodeId(NodeId)> move = [&](NodeId i) {
    const auto found = outside.find(i);
    if (found != outside.end()) return found->second;
    Node n = before.nodes[i];
    if (const std::string* name = n.name())
      return outside[i] = scan.in[first + std::stoul(name->substr(name->find(':') + 1))];
    for (NodeId& in : n.in) in = move(in);
    return outside[i] = add_node(out, std::move(n));
  };
  for (NodeId i = 0; i < body.nodes.size(); ++i) {
    if (!leaves(i) || !read[i]) continue;
    Node& n = body.nodes[i];
    ir::Attrs attrs =
        ir::declared("captured:" + std::to_string(scan.in.size() - first), n.shape, n.dtype);
    scan.in.push_back(move(i));
    n = Node{&ir::find_op("feed"), {}, std::move(attrs), n.shape, n.dtype, n.where, nullptr};
  }
  scan.body = std::move(graph);
}

}  // namespace

ir::Program hoist(const ir::Program& program) {
  return rewrite(program, [](ir::Program& out, Node n) {
    if (n.body) leave(out, n);
    return add_node(out, std::move(n));
  });
}

}  // namespace latent::passes
