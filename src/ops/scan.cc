// scan: a traced cell run `length` times, with its gradient. The node's operands are the first
// carries, the stacked inputs and what the body captured of the graph around it; its results are
// read by scan_output nodes: final carries, then the stacked outputs. The body names its feeds
// carry:i, input:i, captured:i and its fetches carry:i, output:i. With `reverse` the iterations run
// from the last slice to the first.
#include <algorithm>
#include <map>

#include "ops/family.h"
#include "ops/grad.h"

namespace latent {
namespace ops {

namespace {

std::string numbered(const char* what, size_t i) {
  return std::string(what) + ":" + std::to_string(i);
}

ir::NodeId fetched(const Graph& body, const std::string& name) {
  for (const ir::Fetch& f : body.program().fetches) {
    if (f.name == name) return f.node;
  }
  throw InternalError("a scan's body has no " + name);
}

Expr feed_named(Graph& body, const std::string& name) {
  for (ir::NodeId i = 0; i < body.program().nodes.size(); ++i) {
    const ir::Node& n = body.program().nodes[i];
    if (n.op->kind == Kind::source && n.in.empty() && n.attrs.list().size() == 3 &&
        n.attrs.word("name") == name)
      return {&body, i};
  }
  throw InternalError("a scan's body has no feed " + name);
}

Shape stacked(int64_t length, const Shape& s) {
  Shape t{length};
  for (int64_t d : s) t.push_back(d);
  return t;
}
Shape without_first(const Shape& s) { return Shape(s.dims().subspan(1)); }

/// Output `index` of a scan node.
Expr output_of(Expr scan, int64_t index) {
  const ir::Node n = scan.graph().program().nodes[scan.id()];
  const int64_t carries = n.attrs.integer("carries");
  const bool carry = index < carries;
  const ir::NodeId inner =
      fetched(*n.body, carry ? numbered("carry", static_cast<size_t>(index))
                             : numbered("output", static_cast<size_t>(index - carries)));
  const ir::Node& value = n.body->program().nodes[inner];
  const Shape shape = carry ? value.shape : stacked(n.attrs.integer("length"), value.shape);
  return apply(
      "scan_output", {scan},
      {{"index", index}, {"shape", ints_of(shape)}, {"dtype", std::string(name_of(value.dtype))}});
}

/// Appends the scan node for a finished body; `captured` are nodes of g in the order of the body's
/// captured feeds.
Expr make_scan(Graph& g, std::shared_ptr<Graph> body, int64_t length, const std::vector<Expr>& init,
               const std::vector<Expr>& inputs, const std::vector<Expr>& captured, bool reverse,
               Where where) {
  std::vector<Expr> in = init;
  in.insert(in.end(), inputs.begin(), inputs.end());
  in.insert(in.end(), captured.begin(), captured.end());
  body->program().parent = nullptr;
  return ir::apply(g, ir::find_op("scan"), in,
                   {{"length", length},
                    {"carries", static_cast<int64_t>(init.size())},
                    {"inputs", static_cast<int64_t>(inputs.size())},
                    {"reverse", int64_t{reverse}}},
                   where, std::move(body));
}

/// What the body reads are the scan's operands, by name, shape and type; what it fetches are
/// carries and outputs. A body that was traced is so; one that was parsed may not be.
void check_body(const TypeContext& c, size_t carries, size_t inputs) {
  std::map<std::string, std::pair<Shape, DType>> given;
  for (size_t i = 0; i < c.shapes.size(); ++i) {
    const bool carry = i < carries, input = !carry && i < carries + inputs;
    given[carry   ? numbered("carry", i)
          : input ? numbered("input", i - carries)
                  : numbered("captured", i - carries - inputs)] = {
        input ? without_first(c.shapes[i]) : c.shapes[i], c.dtypes[i]};
  }
  for (const ir::Node& n : c.body->program().nodes) {
    if (n.op->kind != Kind::source || n.attrs.list().size() != 3) continue;
    const auto found = given.find(n.attrs.word("name"));
    if (found == given.end() || !(found->second.first == n.shape) ||
        found->second.second != n.dtype || std::string_view(n.op->name) != "feed") {
      c.refuse("its body reads \"" + n.attrs.word("name") + "\" " + n.shape.text() +
               ", which is none of its operands");
    }
  }
  std::vector<std::string> wanted, fetches;
  for (const ir::Fetch& f : c.body->program().fetches) fetches.push_back(f.name);
  std::sort(fetches.begin(), fetches.end());
  for (size_t i = 0; i < carries; ++i) wanted.push_back(numbered("carry", i));
  for (size_t i = 0; i + carries < fetches.size(); ++i) wanted.push_back(numbered("output", i));
  std::sort(wanted.begin(), wanted.end());
  if (wanted != fetches || !c.body->program().commits.empty())
    c.refuse("its body must fetch carry:0, .. and output:0, .. and assign nothing");
}

ResultType scan_type(const TypeContext& c) {
  const int64_t count = static_cast<int64_t>(c.shapes.size());
  if (!c.body || c.attrs.integer("carries") < 0 || c.attrs.integer("inputs") < 0 ||
      c.attrs.integer("carries") > count ||
      c.attrs.integer("inputs") > count - c.attrs.integer("carries"))
    c.refuse("needs a body and its operands");
  if (c.attrs.integer("length") < 1) c.refuse("length must be at least 1");
  const auto carries = static_cast<size_t>(c.attrs.integer("carries")),
             inputs = static_cast<size_t>(c.attrs.integer("inputs"));
  for (size_t i = 0; i < inputs; ++i) {
    const Shape& s = c.shapes[carries + i];
    if (s.rank() < 1 || s[0] != c.attrs.integer("length")) {
      c.refuse("input " + std::to_string(i) + " " + s.text() + " must have " +
               std::to_string(c.attrs.integer("length")) + " slices on axis 0");
    }
  }
  check_body(c, carries, inputs);
  for (size_t i = 0; i < carries; ++i) {
    const ir::Node& next = c.body->program().nodes[fetched(*c.body, numbered("carry", i))];
    if (!(next.shape == c.shapes[i]) || next.dtype != c.dtypes[i]) {
      c.refuse("carry " + std::to_string(i) + " starts as " + c.shapes[i].text() +
               " and leaves the body as " + next.shape.text());
    }
  }
  return {Shape{}, DType::f32};
}

/// Copies the nodes that `wanted` need from one graph to another; `map` holds what stands for what
/// already.
ir::NodeId copy_node(const Graph& from, Graph& to, ir::NodeId id,
                     std::map<ir::NodeId, ir::NodeId>& map) {
  const auto found = map.find(id);
  if (found != map.end()) return found->second;
  ir::Node n = from.program().nodes[id];
  for (ir::NodeId& in : n.in) in = copy_node(from, to, in, map);
  to.program().nodes.push_back(std::move(n));
  return map[id] = static_cast<ir::NodeId>(to.program().nodes.size() - 1);
}

/// Whether a forward value is worth nothing to save: made of constants, or the repetition of
/// something smaller.
bool cheap(const ir::Node& n) {
  return n.op->kind == Kind::broadcast || n.op->kind == Kind::view ||
         std::string_view(n.op->name) == "constant" || std::string_view(n.op->name) == "iota";
}

}  // namespace

std::vector<Expr> scan_grad(Graph& g, ir::NodeId id, const std::map<int64_t, Expr>& outputs,
                            const std::vector<bool>& needs) {
  const ir::Node node = g.program().nodes[id];
  const Where where = ir::current_where(node.where);
  if (node.attrs.integer("reverse"))
    throw UsageError("grad: a scan can be differentiated once only", where);
  const auto carries = static_cast<size_t>(node.attrs.integer("carries")),
             inputs = static_cast<size_t>(node.attrs.integer("inputs"));
  const size_t captured = node.in.size() - carries - inputs;
  const int64_t length = node.attrs.integer("length");
  Graph& body = *node.body;

  // 1. The body's gradient, beside a copy of the body.
  Graph work;
  std::map<ir::NodeId, ir::NodeId> same;
  for (ir::NodeId i = 0; i < body.program().nodes.size(); ++i)
    copy_node(body, work, i, same);  // same ids: in order
  const auto forward = static_cast<ir::NodeId>(work.program().nodes.size());
  const std::vector<bool> invariant = body.program().invariant();
  std::vector<std::pair<ir::NodeId, Expr>> seeds;
  std::vector<size_t> real;  // carries that have a gradient
  for (size_t i = 0; i < carries; ++i) {
    const ir::Node& n = body.program().nodes[fetched(body, numbered("carry", i))];
    if (n.dtype != DType::f32) continue;
    real.push_back(i);
    seeds.emplace_back(fetched(body, numbered("carry", i)),
                       work.feed(numbered("dcarry", i), n.shape));
  }
  for (const auto& [index, dy] : outputs) {
    if (index < static_cast<int64_t>(carries)) continue;
    const auto k = static_cast<size_t>(index) - carries;
    const ir::NodeId value = fetched(body, numbered("output", k));
    seeds.emplace_back(value, work.feed(numbered("doutput", k), body.program().nodes[value].shape));
  }
  std::vector<ir::NodeId> xs;
  for (size_t i : real) xs.push_back(feed_named(work, numbered("carry", i)).id());
  const auto first_input = xs.size();
  std::vector<size_t> wanted_inputs, wanted_captured;
  for (size_t i = 0; i < inputs; ++i) {
    if (!needs[carries + i]) continue;
    wanted_inputs.push_back(i);
    xs.push_back(feed_named(work, numbered("input", i)).id());
  }
  const auto first_captured = xs.size();
  for (size_t i = 0; i < captured; ++i) {
    if (!needs[carries + inputs + i]) continue;
    wanted_captured.push_back(i);
    xs.push_back(feed_named(work, numbered("captured", i)).id());
  }
  const std::vector<Expr> dx = backward(work, seeds, xs, where);

  // 2. The backward body: the gradient's nodes, with forward values as inputs (saved by the forward
  // scan) or captures.
  auto back = std::make_shared<Graph>();
  std::map<ir::NodeId, ir::NodeId> map;
  std::vector<Expr> back_init, back_inputs, back_captured;
  const Expr scan{&g, id};
  std::map<ir::NodeId, Expr> saved;  // forward node -> its values stacked over the iterations, in g
  std::function<ir::NodeId(ir::NodeId)> take = [&](ir::NodeId i) -> ir::NodeId {
    const auto found = map.find(i);
    if (found != map.end()) return found->second;
    ir::Node n = work.program().nodes[i];
    if (i < forward && n.op->kind == Kind::source && n.attrs.list().size() == 3) {
      const std::string name = n.attrs.word("name");
      const auto number = static_cast<size_t>(std::stoul(name.substr(name.find(':') + 1)));
      if (name.starts_with("captured")) {
        const Expr f =
            back->feed(numbered("captured", back_captured.size()), n.shape, n.dtype, where);
        back_captured.push_back({&g, node.in[carries + inputs + number]});
        return map[i] = f.id();
      }
      if (name.starts_with("input")) saved[i] = {&g, node.in[carries + number]};
    }
    // What is the same in every iteration is computed from the captured values, not saved.
    const bool forward_value =
        i < forward && !invariant[i] && !cheap(n) && std::string_view(n.op->name) != "loop_index";
    if (forward_value) {
      if (!saved.count(i)) {
        size_t count = 0;
        for (const ir::Fetch& f : body.program().fetches) count += f.name.starts_with("output:");
        body.fetch(numbered("output", count), Expr{&body, i});
        saved[i] = output_of(scan, static_cast<int64_t>(carries + count));
      }
      const Expr f = back->feed(numbered("input", back_inputs.size()), n.shape, n.dtype, where);
      back_inputs.push_back(saved[i]);
      return map[i] = f.id();
    }
    const bool turned = std::string_view(n.op->name) == "matmul" && n.shape.rank() == 2 &&
                        n.attrs.integer("transpose_b") && n.in[1] < forward && invariant[n.in[1]];
    for (ir::NodeId& in : n.in) in = take(in);
    if (turned) {
      // Transposed as an op of its own, the weight is so once before the loop (passes/hoist.cc).
      const Expr a{back.get(), n.in[0]}, b{back.get(), n.in[1]};
      return map[i] = matmul(a, transpose(b), n.attrs.integer("transpose_a") != 0).id();
    }
    back->program().nodes.push_back(std::move(n));
    return map[i] = static_cast<ir::NodeId>(back->program().nodes.size() - 1);
  };
  auto stacked_output = outputs.lower_bound(static_cast<int64_t>(carries));  // of the next seed
  for (size_t k = 0; k < seeds.size(); ++k) {
    const ir::NodeId feed = seeds[k].second.id();
    const bool carry = k < real.size();
    const Shape shape = seeds[k].second.shape();
    if (carry) {
      const auto given = outputs.find(static_cast<int64_t>(real[k]));
      map[feed] = back->feed(numbered("carry", back_init.size()), shape, DType::f32, where).id();
      back_init.push_back(given != outputs.end() ? given->second
                                                 : broadcast_to(ir::expr_in(g, 0.0), shape));
    } else {
      map[feed] = back->feed(numbered("input", back_inputs.size()), shape, DType::f32, where).id();
      back_inputs.push_back((stacked_output++)->second);
    }
  }
  size_t back_outputs = 0;
  struct Product {
    size_t captured;
    ir::NodeId a;
    size_t dy_output;
  };
  std::vector<Product> products;
  std::vector<std::pair<size_t, size_t>> sums;  // (captured, carry)
  for (size_t k = 0; k < wanted_captured.size(); ++k) {
    if (!dx[first_captured + k].valid()) continue;
    std::vector<ir::NodeId> terms{dx[first_captured + k].id()}, rest;
    while (!terms.empty()) {
      const ir::NodeId t = terms.back();
      terms.pop_back();
      const ir::Node n = work.program().nodes[t];
      const std::string_view op = n.op->name;
      if (t >= forward && op == "add") {
        terms.push_back(n.in[1]);
        terms.push_back(n.in[0]);
      } else if (t >= forward && op == "matmul" && n.in[0] < forward && n.shape.rank() == 2 &&
                 n.attrs.integer("transpose_a") && !n.attrs.integer("transpose_b") &&
                 (take(n.in[0]), saved.count(n.in[0]))) {
        // A loop-invariant factor: one product over all iterations instead of one in each.
        back->fetch(numbered("output", back_outputs), Expr{back.get(), take(n.in[1])});
        products.push_back({k, n.in[0], back_outputs++});
      } else {
        rest.push_back(t);
      }
    }
    if (rest.empty()) continue;
    const Shape shape = dx[first_captured + k].shape();
    const Expr acc = back->feed(numbered("carry", back_init.size()), shape, DType::f32, where);
    Expr sum = acc;
    for (ir::NodeId t : rest) sum = add(sum, Expr{back.get(), take(t)});
    back->fetch(numbered("carry", back_init.size()), sum);
    sums.emplace_back(k, back_init.size());
    back_init.push_back(broadcast_to(ir::expr_in(g, 0.0), shape));
  }
  for (size_t k = 0; k < real.size(); ++k) {
    const Expr d = dx[k];
    back->fetch(numbered("carry", k),
                d.valid() ? Expr{back.get(), take(d.id())}
                          : broadcast_to(ir::expr_in(*back, 0.0), seeds[k].second.shape()));
  }
  std::map<size_t, size_t> input_output;
  for (size_t k = 0; k < wanted_inputs.size(); ++k) {
    if (!dx[first_input + k].valid()) continue;
    back->fetch(numbered("output", back_outputs), Expr{back.get(), take(dx[first_input + k].id())});
    input_output[k] = back_outputs++;
  }

  // 3. The backward scan, and the cotangents it leaves.
  const size_t back_carries = back_init.size();
  const Expr reverse =
      make_scan(g, back, length, back_init, back_inputs, back_captured, true, where);
  std::vector<Expr> result(node.in.size());
  for (size_t k = 0; k < real.size(); ++k)
    result[real[k]] = output_of(reverse, static_cast<int64_t>(k));
  for (const auto& [k, output] : input_output) {
    result[carries + wanted_inputs[k]] =
        output_of(reverse, static_cast<int64_t>(back_carries + output));
  }
  const auto give = [&](size_t k, Expr e) {
    Expr& sum = result[carries + inputs + wanted_captured[k]];
    sum = sum.valid() ? add(sum, e) : e;
  };
  for (const auto& [k, carry] : sums) give(k, output_of(reverse, static_cast<int64_t>(carry)));
  for (const Product& p : products) {
    const Expr a = saved.at(p.a),
               dy = output_of(reverse, static_cast<int64_t>(back_carries + p.dy_output));
    const Shape as = a.shape(), ds = dy.shape();
    give(p.captured, matmul(reshape(a, {as[0] * as[1], as[2]}), reshape(dy, {ds[0] * ds[1], ds[2]}),
                            true, false));
  }
  return result;
}

void add_scan_ops(std::vector<Op>& table) {
  table.push_back({.name = "scan",
                   .doc = "Runs its body `length` times; scan_output reads the results.",
                   .in = {"operands..."},
                   .attrs = {{"length", ir::AttrKind::integer},
                             {"carries", ir::AttrKind::integer},
                             {"inputs", ir::AttrKind::integer},
                             {"reverse", ir::AttrKind::integer}},
                   .kind = Kind::control,
                   .type = scan_type,
                   .grad = ir::none("scan_grad has the rule"),
                   .kernel = ir::PlannedKernel{},
                   .reference = ir::NoReference{},
                   .domain = {}});
  table.push_back({.name = "scan_output",
                   .doc = "Result `index` of a scan: final carries first, then stacked outputs.",
                   .in = {"scan"},
                   .attrs = {{"index", ir::AttrKind::integer},
                             {"shape", ir::AttrKind::ints},
                             {"dtype", ir::AttrKind::word}},
                   .kind = Kind::control,
                   .type = [](const TypeContext& c) -> ResultType {
                     return {shape_of(c.attrs.ints("shape")), dtype_named(c.attrs.word("dtype"))};
                   },
                   .grad = ir::none("scan_grad has the rule"),
                   .kernel = ir::PlannedKernel{},
                   .reference = ir::NoReference{},
                   .domain = {}});
}

}  // namespace ops

ScanResult scan(Graph& g, int64_t length, const std::vector<Expr>& init,
                const std::vector<Expr>& inputs,
                const std::function<ScanYield(const ScanStep&)>& body, Where where) {
  where = ir::current_where(where);
  auto inner = std::make_shared<Graph>();
  inner->program().parent = &g;
  ScanStep step;
  for (size_t i = 0; i < init.size(); ++i)
    step.carries.push_back(
        inner->feed(ops::numbered("carry", i), init[i].shape(), init[i].dtype(), where));
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].shape().rank() < 1)
      throw UsageError(
          "scan: input " + std::to_string(i) + " is a scalar; it needs an axis of iterations",
          where);
    step.inputs.push_back(inner->feed(ops::numbered("input", i),
                                      ops::without_first(inputs[i].shape()), inputs[i].dtype(),
                                      where));
  }
  step.iteration = ir::apply(*inner, ir::find_op("loop_index"), {}, {}, where);
  const ScanYield yield = body(step);
  if (yield.carries.size() != init.size()) {
    throw UsageError("scan: " + std::to_string(init.size()) + " carries go in, " +
                         std::to_string(yield.carries.size()) + " come out of the body",
                     where);
  }
  for (size_t i = 0; i < init.size(); ++i)
    inner->fetch(ops::numbered("carry", i), yield.carries[i]);
  for (size_t i = 0; i < yield.outputs.size(); ++i)
    inner->fetch(ops::numbered("output", i), yield.outputs[i]);
  std::vector<Expr> captured;
  for (const auto& [outer, here] : inner->program().captures) captured.emplace_back(&g, outer);
  const Expr node = ops::make_scan(g, inner, length, init, inputs, captured, false, where);
  ScanResult result;
  for (size_t i = 0; i < init.size(); ++i)
    result.carries.push_back(ops::output_of(node, static_cast<int64_t>(i)));
  for (size_t i = 0; i < yield.outputs.size(); ++i)
    result.outputs.push_back(ops::output_of(node, static_cast<int64_t>(init.size() + i)));
  return result;
}

}  // namespace latent
