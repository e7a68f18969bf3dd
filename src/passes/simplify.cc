// Algebraic simplification, precision of products, and common subexpressions. Rules keep results
// equal but for the sign of a zero and the rounding of constants that are folded in double.
#include <bit>
#include <cmath>
#include <map>
#include <optional>
#include <tuple>

#include "passes/pass.h"

namespace latent::passes {

namespace {

using ir::Node;
using ir::NodeId;
using ir::Program;

bool is(const Node& n, std::string_view op) { return op == n.op->name; }

NodeId make(Program& p, const char* op, std::vector<NodeId> in, ir::Attrs attrs, Where where) {
  Node n{&ir::find_op(op), std::move(in), std::move(attrs), {}, {}, where, nullptr};
  const ir::ResultType type = type_of(p, n);
  n.shape = type.shape;
  n.dtype = type.dtype;
  return add_node(p, std::move(n));
}

NodeId broadcast(Program& p, NodeId x, const Shape& to, Where where) {
  if (p.nodes[x].shape == to) return x;
  return make(p, "broadcast_to", {x}, {{"shape", ir::Ints(to.begin(), to.end())}}, where);
}

NodeId constant(Program& p, double v, const Shape& to, Where where) {
  return broadcast(p, make(p, "constant", {}, {{"value", v}}, where), to, where);
}

/// x for x * 1, x + 0 and their like.
std::optional<NodeId> neutral(const Program& p, const Node& n) {
  if (n.in.size() != 2) return std::nullopt;
  const auto a = constant_of(p, n.in[0]), b = constant_of(p, n.in[1]);
  if (is(n, "mul") && b == 1) return n.in[0];
  if (is(n, "mul") && a == 1) return n.in[1];
  if (is(n, "add") && b == 0) return n.in[0];
  if (is(n, "add") && a == 0) return n.in[1];
  if (is(n, "sub") && b == 0) return n.in[0];
  if (is(n, "div") && b == 1) return n.in[0];
  return std::nullopt;
}

/// pad(x) + pad(y) where y begins where x ends: the two side by side, in zeros if there are more.
/// The gradients of the pieces of a split meet so.
std::optional<NodeId> side_by_side(Program& p, const Node& n) {
  if (!is(n, "add") || !is(p.nodes[n.in[0]], "pad") || !is(p.nodes[n.in[1]], "pad"))
    return std::nullopt;
  NodeId first = n.in[0], second = n.in[1];
  const auto edge = [&](NodeId pad, const char* side) { return p.nodes[pad].attrs.integer(side); };
  if (edge(first, "before") > edge(second, "before")) std::swap(first, second);
  const int64_t axis = edge(first, "axis");
  const auto width = [&](NodeId pad) {
    return p.nodes[p.nodes[pad].in[0]].shape[static_cast<int>(axis)];
  };
  if (edge(second, "axis") != axis ||
      edge(first, "before") + width(first) != edge(second, "before")) {
    return std::nullopt;
  }
  std::vector<NodeId> parts;
  for (const NodeId pad : {first, second}) {
    const NodeId x = p.nodes[pad].in[0];
    if (is(p.nodes[x], "concat") && p.nodes[x].attrs.integer("axis") == axis)
      parts.insert(parts.end(), p.nodes[x].in.begin(), p.nodes[x].in.end());
    else
      parts.push_back(x);
  }
  const int64_t before = edge(first, "before"), after = edge(second, "after");
  const NodeId both = make(p, "concat", parts, {{"axis", axis}}, n.where);
  if (before == 0 && after == 0) return both;
  return make(p, "pad", {both}, {{"axis", axis}, {"before", before}, {"after", after}}, n.where);
}

NodeId simplify_elementwise(Program& out, Node n) {
  if (is(n, "scale_gradient")) return n.in[0];
  if (is(n, "cast")) return add_node(out, std::move(n));
  if (const auto x = neutral(out, n)) return *x;
  if (const auto x = side_by_side(out, n)) return *x;
  if (is(n, "neg") && is(out.nodes[n.in[0]], "neg")) return out.nodes[n.in[0]].in[0];
  const auto* reference = std::get_if<ir::ScalarReference>(&n.op->reference);
  std::vector<double> values;
  for (NodeId in : n.in) {
    if (const auto v = constant_of(out, in)) values.push_back(*v);
  }
  if (reference && values.size() == n.in.size()) {
    const double v = (*reference)(values.data());
    if (std::isfinite(v)) return constant(out, v, n.shape, n.where);
  }
  // f(broadcast(a), broadcast(b)) = broadcast(f(a, b)): the work moves to the small operand.
  const Shape* small = nullptr;
  bool all = true;
  for (NodeId in : n.in) {
    const Node& x = out.nodes[in];
    if (constant_of(out, in)) continue;
    const Shape* of = x.op->kind == ir::Kind::broadcast ? &out.nodes[x.in[0]].shape : nullptr;
    if (!small) small = of;
    all = all && of && *small == *of;
  }
  if (all && small && small->elements() < n.shape.elements()) {
    const Shape inner = *small, outer = n.shape;
    for (NodeId& in : n.in) {
      const auto v = constant_of(out, in);
      in = v ? constant(out, *v, inner, n.where) : out.nodes[in].in[0];
    }
    n.shape = inner;
    const Where where = n.where;
    return broadcast(out, add_node(out, std::move(n)), outer, where);
  }
  return add_node(out, std::move(n));
}

NodeId simplify_node(Program& out, Node n) {
  switch (n.op->kind) {
    case ir::Kind::elementwise:
      return simplify_elementwise(out, std::move(n));
    case ir::Kind::view:
      while (out.nodes[n.in[0]].op->kind == ir::Kind::view) n.in[0] = out.nodes[n.in[0]].in[0];
      if (out.nodes[n.in[0]].shape == n.shape) return n.in[0];
      if (out.nodes[n.in[0]].op->kind == ir::Kind::broadcast) {
        if (const auto v = constant_of(out, n.in[0])) return constant(out, *v, n.shape, n.where);
      }
      return add_node(out, std::move(n));
    case ir::Kind::broadcast: {
      const Node& x = out.nodes[n.in[0]];
      if (x.shape == n.shape) return n.in[0];
      if (const auto v = constant_of(out, n.in[0]); v && x.shape.rank() > 0)
        return constant(out, *v, n.shape, n.where);
      if (x.op->kind ==
          ir::Kind::broadcast) {  // axes of extent 1 were added or kept; the outer one covers both
        n.in[0] = x.in[0];
      }
      return add_node(out, std::move(n));
    }
    case ir::Kind::general:
      break;
    default:
      return add_node(out, std::move(n));
  }
  if (is(n, "transpose")) {
    const Node& x = out.nodes[n.in[0]];
    if (is(x, "transpose") && n.attrs.ints("order") == ir::Ints{1, 0} &&
        x.attrs.ints("order") == ir::Ints{1, 0})
      return x.in[0];
  }
  if (is(n, "matmul") && n.shape.rank() == 2) {
    for (size_t k = 0; k < 2; ++k) {  // products read transposed operands in place
      const Node& x = out.nodes[n.in[k]];
      if (!is(x, "transpose") || x.attrs.ints("order") != ir::Ints{1, 0}) continue;
      const char* flag = k ? "transpose_b" : "transpose_a";
      n.attrs.set(flag, int64_t{1} - n.attrs.integer(flag));
      n.in[k] = x.in[0];
    }
  }
  return add_node(out, std::move(n));
}

}  // namespace

Program simplify(const Program& program) { return rewrite(program, simplify_node); }

Program lower_precision(const Program& program) {
  return rewrite(program, [](Program& out, Node n) {
    if (is(n, "matmul") && out.nodes[n.in[0]].dtype == DType::f32) {
      for (NodeId& in : n.in)
        in = make(out, "cast", {in}, {{"dtype", std::string("bf16")}}, n.where);
    }
    if (n.body) {
      auto body = std::make_shared<Graph>();
      body->program() = lower_precision(n.body->program());
      n.body = body;
    }
    return add_node(out, std::move(n));
  });
}

Program merge_equal(const Program& program) {
  // What two nodes share exactly when they compute the same.
  using Key =
      std::tuple<const ir::Op*, std::vector<NodeId>, std::vector<std::pair<std::string, ir::Attr>>>;
  std::map<Key, NodeId> seen;
  std::map<uint64_t, NodeId> constants;  // by their bits: a NaN equals no number
  return rewrite(program, [&](Program& out, Node n) {
    for (NodeId& in : n.in) {
      const Node& x = out.nodes[in];
      if (is(x, "constant"))
        in = constants.emplace(std::bit_cast<uint64_t>(x.attrs.real("value")), in).first->second;
    }
    if (n.op->kind == ir::Kind::varying || n.op->kind == ir::Kind::control)
      return add_node(out, std::move(n));
    const auto [entry, first] = seen.try_emplace({n.op, n.in, n.attrs.list()}, 0);
    if (first) entry->second = add_node(out, std::move(n));
    return entry->second;
  });
}

}  // namespace latent::passes
