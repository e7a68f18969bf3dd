// The passes in their order, each timed, switchable and followed by the verifier. Reads as the
// table of contents of this folder.
#include <chrono>

#include "ir/op.h"
#include "passes/pass.h"

namespace latent::passes {

ir::NodeId add_node(ir::Program& out, ir::Node node) {
  out.nodes.push_back(std::move(node));
  return static_cast<ir::NodeId>(out.nodes.size() - 1);
}

ir::Program rewrite(const ir::Program& program,
                    const std::function<ir::NodeId(ir::Program&, ir::Node)>& visit) {
  ir::Program out;
  const std::vector<bool> live = program.live();
  std::vector<ir::NodeId> map(program.nodes.size());
  for (ir::NodeId i = 0; i < program.nodes.size(); ++i) {
    ir::Node n = program.nodes[i];
    if (!live[i] && !is_source(n)) continue;
    for (ir::NodeId& in : n.in) in = map[in];
    map[i] = is_source(n) ? add_node(out, std::move(n)) : visit(out, std::move(n));
  }
  for (ir::SlotInfo s : program.slots) {
    s.node = map[s.node];
    out.slots.push_back(std::move(s));
  }
  for (const ir::Commit& c : program.commits)
    out.commits.push_back({map[c.slot], map[c.value], c.where});
  for (const ir::Fetch& f : program.fetches) out.fetches.push_back({f.name, map[f.node]});
  for (ir::Schedule s : program.schedules) {
    s.node = map[s.node];
    out.schedules.push_back(std::move(s));
  }
  return out;
}

bool is_source(const ir::Node& node) { return node.op->kind == ir::Kind::source; }
bool is_reading(const ir::Node& n) {
  return n.op->kind == ir::Kind::broadcast || n.op->kind == ir::Kind::window;
}

ir::NodeId root_of(const ir::Program& program, ir::NodeId node) {
  while (program.nodes[node].op->kind == ir::Kind::view) node = program.nodes[node].in[0];
  return node;
}

void verify(const ir::Program& program, const std::string& after) {
  const auto fail = [&](ir::NodeId i, const std::string& what) {
    throw InternalError("after " + after + ", node %" + std::to_string(i) + " (" +
                        program.nodes[i].op->name + ", " + program.nodes[i].where.text() +
                        "): " + what);
  };
  for (ir::NodeId i = 0; i < program.nodes.size(); ++i) {
    const ir::Node& n = program.nodes[i];
    ir::TypeContext c{*n.op, {}, {}, n.attrs, n.where, n.body.get()};
    for (ir::NodeId in : n.in) {
      if (in >= i) fail(i, "reads a later node");
      c.shapes.push_back(program.nodes[in].shape);
      c.dtypes.push_back(program.nodes[in].dtype);
    }
    const ir::ResultType t = n.op->type(c);
    if (!(t.shape == n.shape) || t.dtype != n.dtype)
      fail(i, "its type is " + t.shape.text() + ", it says " + n.shape.text());
  }
  for (size_t k = 0; k < program.commits.size(); ++k) {
    const ir::Commit& c = program.commits[k];
    if (!program.slot_of(c.slot)) fail(c.slot, "is assigned but is no slot");
    if (!(program.nodes[c.slot].shape == program.nodes[c.value].shape))
      fail(c.value, "does not fit the slot it is assigned to");
    for (size_t j = 0; j < k; ++j) {
      if (program.commits[j].slot == c.slot) fail(c.slot, "is assigned twice");
    }
  }
}

Lowered lower(const ir::Program& program, bool bf16, const Off& off, bool check) {
  Lowered l;
  using Clock = std::chrono::steady_clock;
  ir::Program current = rewrite(program, add_node);
  const auto pass = [&](const char* name, bool wanted, auto run) {
    if (!wanted || off.count(name)) return;
    const size_t before = current.nodes.size();
    const auto start = Clock::now();
    run();
    l.reports.push_back({name,
                         std::chrono::duration<double, std::milli>(Clock::now() - start).count(),
                         before, current.nodes.size()});
    if (check) verify(current, name);
  };
  pass("hoist", true, [&] { current = hoist(current); });
  pass("simplify", true, [&] { current = simplify(current); });
  pass("bf16", bf16, [&] { current = lower_precision(current); });
  pass("cse", true, [&] { current = merge_equal(current); });
  pass("simplify", true, [&] { current = rewrite(simplify(current), add_node); });
  pass("recompute", !off.count("fuse"), [&] { current = recompute(current); });
  const auto start = Clock::now();
  l.units = fuse(current, !off.count("fuse"));
  l.reports.push_back({"fuse",
                       std::chrono::duration<double, std::milli>(Clock::now() - start).count(),
                       current.nodes.size(), l.units.size()});
  l.program = std::move(current);
  return l;
}

}  // namespace latent::passes
