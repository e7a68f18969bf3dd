// The passes in their order, each timed, switchable and followed by the verifier. Reads as the
// table of contents of this folder.
#include <chrono>

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
  take_lists(out, program, map);
  return out;
}

void take_lists(ir::Program& out, const ir::Program& from, const std::vector<ir::NodeId>& map) {
  out.slots = from.slots;
  out.commits = from.commits;
  out.fetches = from.fetches;
  out.schedules = from.schedules;
  for (ir::SlotInfo& s : out.slots) s.node = map[s.node];
  for (ir::Commit& c : out.commits) c = {map[c.slot], map[c.value], c.where};
  for (ir::Fetch& f : out.fetches) f.node = map[f.node];
  for (ir::Schedule& s : out.schedules) s.node = map[s.node];
}

ir::ResultType type_of(const ir::Program& program, const ir::Node& n) {
  ir::TypeContext c{*n.op, {}, {}, n.attrs, n.where, n.body.get()};
  for (ir::NodeId in : n.in) {
    c.shapes.push_back(program.nodes[in].shape);
    c.dtypes.push_back(program.nodes[in].dtype);
  }
  c.scan = ir::scan_among(program, n.in);
  return n.op->type(c);
}

bool is_source(const ir::Node& node) { return node.op->kind == ir::Kind::source; }
bool is_reading(const ir::Node& n) {
  return n.op->kind == ir::Kind::broadcast || n.op->kind == ir::Kind::window;
}

ir::NodeId root_of(const ir::Program& program, ir::NodeId node) {
  while (program.nodes[node].op->kind == ir::Kind::view) node = program.nodes[node].in[0];
  return node;
}

std::vector<bool> kept(const ir::Program& program) {
  std::vector<bool> mask(program.nodes.size(), false);
  for (const ir::Fetch& f : program.fetches) mask[root_of(program, f.node)] = true;
  for (const ir::Commit& c : program.commits) mask[root_of(program, c.value)] = true;
  return mask;
}

std::optional<double> constant_of(const ir::Program& program, ir::NodeId node) {
  const ir::Node* n = &program.nodes[node];
  while (n->op->kind == ir::Kind::broadcast || n->op->kind == ir::Kind::view)
    n = &program.nodes[n->in[0]];
  if (std::string_view(n->op->name) != "constant") return std::nullopt;
  return n->attrs.real("value");
}

void verify(const ir::Program& program, const std::string& after) {
  const auto fail = [&](ir::NodeId i, const std::string& what) {
    throw InternalError("after " + after + ", node %" + std::to_string(i) + " (" +
                        program.nodes[i].op->name + ", " + program.nodes[i].where.text() +
                        "): " + what);
  };
  for (ir::NodeId i = 0; i < program.nodes.size(); ++i) {
    const ir::Node& n = program.nodes[i];
    for (ir::NodeId in : n.in) {
      if (in >= i) fail(i, "reads a later node");
    }
    const ir::ResultType t = type_of(program, n);
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
  using Clock = std::chrono::steady_clock;
  Lowered l{rewrite(program, add_node), {}, {}};
  // `run` gives the number of nodes, or of units, that there are then.
  const auto timed = [&](const char* name, const auto& run) {
    const auto start = Clock::now();
    const size_t before = l.program.nodes.size(), after = run();
    l.reports.push_back({name,
                         std::chrono::duration<double, std::milli>(Clock::now() - start).count(),
                         before, after});
  };
  const auto pass = [&](const char* name, const auto& change) {
    if (off.count(name)) return;
    timed(name, [&] {
      l.program = change(l.program);
      return l.program.nodes.size();
    });
    if (check) verify(l.program, name);
  };
  const bool fused = !off.count("fuse");
  pass("hoist", hoist);
  pass("simplify", simplify);
  if (bf16) pass("bf16", lower_precision);
  pass("cse", merge_equal);
  pass("simplify", [](const ir::Program& p) { return rewrite(simplify(p), add_node); });
  if (fused) pass("recompute", recompute);
  timed("fuse", [&] {
    l.units = fuse(l.program, fused);
    return l.units.size();
  });
  return l;
}

}  // namespace latent::passes
