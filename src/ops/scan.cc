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

/// The type of result `index` of a scan.
ResultType result_type(const ir::Node& scan, size_t index) {
  const auto carries = static_cast<size_t>(scan.attrs.integer("carries"));
  const bool carry = index < carries;
  const ir::Node& value = scan.body->program().nodes[fetched(
      *scan.body, carry ? numbered("carry", index) : numbered("output", index - carries))];
  return {carry ? value.shape : stacked(scan.attrs.integer("length"), value.shape), value.dtype};
}

/// The type rule of scan_output, which may have been parsed.
ResultType output_type(const TypeContext& c) {
  const ResultType told = declared_type(c);
  const int64_t index = c.attrs.integer("index");
  if (!c.scan || index < 0 || index >= std::ssize(c.scan->body->program().fetches))
    c.refuse("reads a result of a scan, which has no " + std::to_string(index));
  const ResultType is = result_type(*c.scan, static_cast<size_t>(index));
  if (is.shape != told.shape || is.dtype != told.dtype)
    c.refuse("result " + std::to_string(index) + " of the scan is " + name_of(is.dtype) +
             is.shape.text() + ", it says " + name_of(told.dtype) + told.shape.text());
  return told;
}

/// Output `index` of a scan node.
Expr output_of(Expr scan, size_t index) {
  const ResultType type = result_type(scan.graph().program().nodes[scan.id()], index);
  return apply("scan_output", {scan},
               {{"index", static_cast<int64_t>(index)},
                {"shape", ints_of(type.shape)},
                {"dtype", std::string(name_of(type.dtype))}});
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
    const bool input = i >= carries && i < carries + inputs;
    given[operand_name(i, carries, inputs)] = {input ? without(c.shapes[i], 0) : c.shapes[i],
                                               c.dtypes[i]};
  }
  for (const ir::Node& n : c.body->program().nodes) {
    if (!n.name()) continue;
    const auto found = given.find(*n.name());
    if (found == given.end() || found->second != std::pair(n.shape, n.dtype) ||
        n.op != &ir::find_op("feed"))
      c.refuse("its body reads \"" + *n.name() + "\" " + n.shape.text() +
               ", which is none of its operands");
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
    if (next.shape != c.shapes[i] || next.dtype != c.dtypes[i]) {
      c.refuse("carry " + std::to_string(i) + " starts as " + c.shapes[i].text() +
               " and leaves the body as " + next.shape.text());
    }
  }
  return {Shape{}, DType::f32};
}

/// Whether a forward value is worth nothing to save: made of constants or the place in the scan, or
/// the repetition of something smaller.
bool cheap(const ir::Node& n) {
  return n.op->kind == Kind::broadcast || n.op->kind == Kind::view || (n.in.empty() && !n.name());
}

}  // namespace

std::string operand_name(size_t i, size_t carries, size_t inputs) {
  return i < carries            ? numbered("carry", i)
         : i < carries + inputs ? numbered("input", i - carries)
                                : numbered("captured", i - carries - inputs);
}

std::vector<Expr> scan_grad(Graph& g, ir::NodeId id, const std::map<size_t, Expr>& outputs,
                            const std::vector<bool>& needs) {
  const ir::Node node = g.program().nodes[id];
  const Where where = ir::current_where(node.where);
  if (node.attrs.integer("reverse"))
    throw UsageError("grad: a scan can be differentiated once only", where);
  const auto carries = static_cast<size_t>(node.attrs.integer("carries")),
             inputs = static_cast<size_t>(node.attrs.integer("inputs"));
  Graph& body = *node.body;

  // The backward body, whose feeds read these values of g.
  auto back = std::make_shared<Graph>();
  std::vector<Expr> back_init, back_inputs, back_captured;
  const auto feed = [&](const char* name, std::vector<Expr>& values, const Expr& value,
                        const Shape& shape, DType dtype = DType::f32) {
    const Expr e = back->feed(numbered(name, values.size()), shape, dtype, where);
    values.push_back(value);
    return e;
  };

  // 1. The body's gradient, beside a copy of the body with the same ids; `map` has what stands in
  // the backward body for a node of it.
  Graph work;
  work.program().nodes = body.program().nodes;
  const auto forward = static_cast<ir::NodeId>(work.program().nodes.size());
  std::map<ir::NodeId, ir::NodeId> map;
  std::vector<std::pair<ir::NodeId, Expr>> seeds;
  const auto seed = [&](const std::string& fetch, const char* name, std::vector<Expr>& values,
                        const Expr& value) {
    const ir::NodeId of = fetched(body, fetch);
    const Shape shape = body.program().nodes[of].shape;
    seeds.emplace_back(of, work.feed("d" + fetch, shape));
    map[seeds.back().second.id()] = feed(name, values, value, shape).id();
  };
  std::vector<size_t> real;  // carries that have a gradient
  for (size_t i = 0; i < carries; ++i) {
    const ir::Node& first = g.program().nodes[node.in[i]];
    if (first.dtype != DType::f32) continue;
    real.push_back(i);
    const auto given = outputs.find(i);
    seed(numbered("carry", i), "carry", back_init,
         given != outputs.end() ? given->second : filled(g, 0, first.shape));
  }
  for (const auto& [index, dy] : outputs) {
    if (index >= carries) seed(numbered("output", index - carries), "input", back_inputs, dy);
  }
  std::vector<size_t> operands;  // that the body reads and that get a cotangent
  std::vector<ir::NodeId> xs;
  for (size_t i = 0; i < node.in.size(); ++i) {
    const auto x = work.program().feed(operand_name(i, carries, inputs));
    if (!x || !(i < carries ? std::ranges::count(real, i) > 0 : needs[i])) continue;
    operands.push_back(i);
    xs.push_back(*x);
  }
  std::vector<Expr> dx(node.in.size());  // in each iteration
  const std::vector<Expr> cotangents = backward(work, seeds, xs, where);
  for (size_t k = 0; k < operands.size(); ++k) dx[operands[k]] = cotangents[k];

  // 2. The gradient's nodes move to the backward body, with forward values as inputs (saved by the
  // forward scan) or captures.
  const std::vector<bool> invariant = body.program().invariant();
  const Expr scan{&g, id};
  const auto save = [&](ir::NodeId i) {  // a node of the body
    const size_t index = body.program().fetches.size();
    body.fetch(numbered("output", index - carries), Expr{&body, i});
    return output_of(scan, index);
  };
  const ir::Op* const scan_output = &ir::find_op("scan_output");
  std::map<ir::NodeId, Expr> saved;  // forward node -> its values stacked over the iterations, in g
  const std::function<ir::NodeId(ir::NodeId)> take = [&](ir::NodeId i) -> ir::NodeId {
    const auto found = map.find(i);
    if (found != map.end()) return found->second;
    ir::Node n = work.program().nodes[i];
    if (i < forward && n.name()) {
      const std::string& name = *n.name();
      const auto number = static_cast<size_t>(std::stoul(name.substr(name.find(':') + 1)));
      if (name.starts_with("captured")) {
        const Expr outer{&g, node.in[carries + inputs + number]};
        return map[i] = feed("captured", back_captured, outer, n.shape, n.dtype).id();
      }
      if (name.starts_with("input")) saved[i] = {&g, node.in[carries + number]};
    }
    // What the gradient of a scan in the body asks that scan to give; the forward body reads it
    // too.
    const bool asked = i >= forward && n.op == scan_output && n.in[0] < forward;
    // What is the same in every iteration is computed from the captured values, not saved.
    if (asked || (i < forward && !invariant[i] && !cheap(n))) {
      if (asked) body.program().nodes.push_back(n);
      if (!saved.count(i))
        saved[i] = save(asked ? static_cast<ir::NodeId>(body.program().nodes.size() - 1) : i);
      return map[i] = feed("input", back_inputs, saved[i], n.shape, n.dtype).id();
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
  size_t back_outputs = 0;
  // Gives out a node of `work` in every iteration, as the output of that number.
  const auto stack = [&](ir::NodeId i) {
    back->fetch(numbered("output", back_outputs), Expr{back.get(), take(i)});
    return back_outputs++;
  };
  struct Product {
    size_t operand;
    ir::NodeId a;
    size_t dy_output;
  };
  std::vector<Product> products;
  std::vector<std::pair<size_t, size_t>> sums, stacks;  // (operand, carry), (operand, output)
  for (size_t i = carries + inputs; i < dx.size(); ++i) {
    if (!dx[i].valid()) continue;
    std::vector<ir::NodeId> terms{dx[i].id()}, rest;
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
        products.push_back({i, n.in[0], stack(n.in[1])});
      } else {
        rest.push_back(t);
      }
    }
    if (rest.empty()) continue;
    const std::string carry = numbered("carry", back_init.size());
    Expr sum = back->feed(carry, dx[i].shape(), DType::f32, where);
    for (ir::NodeId t : rest) sum = add(sum, Expr{back.get(), take(t)});
    back->fetch(carry, sum);
    sums.emplace_back(i, back_init.size());
    back_init.push_back(filled(g, 0, dx[i].shape()));
  }
  for (size_t k = 0; k < real.size(); ++k) {
    const Expr d = dx[real[k]];
    back->fetch(numbered("carry", k), d.valid() ? Expr{back.get(), take(d.id())}
                                                : filled(*back, 0, seeds[k].second.shape()));
  }
  for (size_t i = carries; i < carries + inputs; ++i) {
    if (dx[i].valid()) stacks.emplace_back(i, stack(dx[i].id()));
  }

  // 3. The backward scan, and the cotangents it leaves.
  const size_t back_carries = back_init.size();
  const Expr reverse = make_scan(g, back, node.attrs.integer("length"), back_init, back_inputs,
                                 back_captured, true, where);
  std::vector<Expr> result(node.in.size());
  for (size_t k = 0; k < real.size(); ++k) result[real[k]] = output_of(reverse, k);
  for (const auto& [operand, output] : stacks)
    result[operand] = output_of(reverse, back_carries + output);
  for (const auto& [operand, carry] : sums) result[operand] = output_of(reverse, carry);
  for (const Product& p : products) {
    const Expr a = saved.at(p.a), dy = output_of(reverse, back_carries + p.dy_output);
    const Shape as = a.shape(), ds = dy.shape();
    const Expr whole = matmul(reshape(a, {as[0] * as[1], as[2]}),
                              reshape(dy, {ds[0] * ds[1], ds[2]}), true, false);
    Expr& sum = result[p.operand];
    sum = sum.valid() ? add(sum, whole) : whole;
  }
  return result;
}

void add_scan_ops(std::vector<Op>& table) {
  table.push_back({.name = "scan",
                   .doc = "Runs its body `length` times; scan_output reads the results.",
                   .in = {"operands..."},
                   .attrs = {{"length", AttrKind::integer},
                             {"carries", AttrKind::integer},
                             {"inputs", AttrKind::integer},
                             {"reverse", AttrKind::integer}},
                   .kind = Kind::control,
                   .type = scan_type,
                   .grad = ir::NoGradient{"scan_grad has the rule"},
                   .kernel = ir::PlannedKernel{},
                   .reference = ir::NoReference{},
                   .domain = {}});
  table.push_back({.name = "scan_output",
                   .doc = "Result `index` of a scan: final carries first, then stacked outputs.",
                   .in = {"scan"},
                   .attrs = {{"index", AttrKind::integer},
                             {"shape", AttrKind::ints},
                             {"dtype", AttrKind::word}},
                   .kind = Kind::control,
                   .type = output_type,
                   .grad = ir::NoGradient{"scan_grad has the rule"},
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
    step.inputs.push_back(inner->feed(ops::numbered("input", i), ops::without(inputs[i].shape(), 0),
                                      inputs[i].dtype(), where));
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
  for (size_t i = 0; i < init.size(); ++i) result.carries.push_back(ops::output_of(node, i));
  for (size_t i = 0; i < yield.outputs.size(); ++i)
    result.outputs.push_back(ops::output_of(node, init.size() + i));
  return result;
}

}  // namespace latent
