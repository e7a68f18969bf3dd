// Making nodes: Expr, Graph, Scope, and `apply`, through which every node passes. First stage of
// the pipeline (trace).
#include "latent/graph.h"

#include <algorithm>

#include "ir/op.h"
#include "ir/program.h"
#include "ir/text.h"

namespace latent {

namespace {
thread_local Where place;  // set by the innermost At
}

At::At(Where where) : before_(place) {
  if (place.line == 0) place = where;  // the outermost call is the user's
}
At::~At() { place = before_; }

Graph& Expr::graph() const {
  if (!graph_)
    throw UsageError(
        "an empty Expr was used; it must come from a graph's feed, slot or an operation");
  return *graph_;
}
const Shape& Expr::shape() const { return graph().program().nodes[id_].shape; }
DType Expr::dtype() const { return graph().program().nodes[id_].dtype; }
int64_t Expr::dim(int axis) const {
  const Shape& s = shape();
  const int a = axis < 0 ? axis + s.rank() : axis;
  if (a < 0 || a >= s.rank()) {
    throw UsageError("axis " + std::to_string(axis) + " asked of shape " + s.text(),
                     ir::current_where({}));
  }
  return s[a];
}

Graph::Graph() : program_(std::make_unique<ir::Program>()) {}
Graph::~Graph() = default;

namespace {
void check_name(const std::string& name, Where where) {
  const bool good = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '/' || c == '-' || c == '.' || c == ':';
  });
  if (!good)
    throw UsageError("the name \"" + name + "\" may hold letters, digits and _ - . : / only",
                     where);
}
}  // namespace

Expr Graph::feed(const std::string& name, Shape shape, DType dtype, Where where) {
  where = ir::current_where(where);
  check_name(name, where);
  if (const auto other = program_->feed(name)) {
    throw UsageError("the feed \"" + name + "\" is already declared at " +
                         program_->nodes[*other].where.text() + "; use its Expr or another name",
                     where);
  }
  return ir::apply(*this, ir::find_op("feed"), {}, ir::declared(name, shape, dtype), where);
}

Expr Graph::schedule(const std::string& name, const std::string& counter,
                     std::function<double(int64_t)> value, Where where) {
  Expr e = feed(name, {}, DType::f32, where);
  program_->schedules.push_back({e.id(), counter, std::move(value)});
  return e;
}

Expr Graph::slot(const std::string& name, Shape shape, Init init, DType dtype, Where where) {
  where = ir::current_where(where);
  check_name(name, where);
  for (const ir::SlotInfo& s : program_->slots) {
    if (s.name != name) continue;
    const ir::Node& n = program_->nodes[s.node];
    const bool same_place =
        s.where.line == where.line && std::string_view(s.where.file) == where.file;
    if (!same_place) {
      throw UsageError("the slot \"" + name + "\" is already declared at " + s.where.text() +
                           "; two declarations share a slot only when they stand at the same line: "
                           "give this one another scope",
                       where);
    }
    if (!(n.shape == shape) || n.dtype != dtype) {
      throw UsageError("the slot \"" + name + "\" is " + latent::name_of(n.dtype) + n.shape.text() +
                           ", asked for again as " + latent::name_of(dtype) + shape.text(),
                       where);
    }
    return {this, s.node};
  }
  Expr e = ir::apply(*this, ir::find_op("slot"), {}, ir::declared(name, shape, dtype), where);
  program_->slots.push_back({e.id(), name, std::move(init), true, where});
  return e;
}

void Graph::assign(Expr slot, Arg value) {
  const Where where = ir::current_where(value.where());
  if (&slot.graph() != this) throw UsageError("assign: the slot is of another graph", where);
  const ir::SlotInfo* info = program_->slot_of(slot.id());
  if (!info) throw UsageError("assign: the first argument is not a slot", where);
  if (const ir::Commit* c = program_->commit_of(slot.id())) {
    throw UsageError("assign: the slot \"" + info->name + "\" is already assigned at " +
                         c->where.text() + "; a run commits one value to a slot",
                     where);
  }
  const Expr e = ir::expr_in(*this, value);
  if (!(e.shape() == slot.shape()) || e.dtype() != slot.dtype()) {
    throw UsageError("assign: the slot \"" + info->name + "\" is " + latent::name_of(slot.dtype()) +
                         slot.shape().text() + ", the value is " + latent::name_of(e.dtype()) +
                         e.shape().text(),
                     where);
  }
  program_->commits.push_back({slot.id(), e.id(), where});
}

Expr Graph::updated(Expr slot) const {
  const ir::Commit* c = program_->commit_of(slot.id());
  return c ? Expr{&slot.graph(), c->value} : slot;
}

void Graph::fetch(const std::string& name, Arg value) {
  check_name(name, value.where());
  for (const ir::Fetch& f : program_->fetches) {
    if (f.name == name)
      throw UsageError("the fetch \"" + name + "\" is already declared", value.where());
  }
  program_->fetches.push_back({name, ir::expr_in(*this, value).id()});
}

std::vector<Expr> Graph::slots(const std::string& prefix) const {
  std::vector<Expr> found;
  for (const ir::SlotInfo& s : program_->slots) {
    const bool below = prefix.empty() || s.name == prefix ||
                       (s.name.size() > prefix.size() && s.name.starts_with(prefix) &&
                        s.name[prefix.size()] == '/');
    if (below) found.emplace_back(const_cast<Graph*>(this), s.node);
  }
  return found;
}

std::string Graph::name_of(Expr e) const {
  if (const std::string* name = program_->nodes[e.id()].name()) return *name;
  throw UsageError("only feeds and slots have names");
}

std::string Graph::text() const { return ir::print(*program_); }
std::unique_ptr<Graph> Graph::parse(std::string_view text) { return ir::parse(text); }

Scope Scope::operator/(const Name& name) const {
  Scope below = *this;
  below.path_ = path_.empty() ? name.text : path_ + "/" + name.text;
  below.where_ = ir::current_where(name.where);
  return below;
}

Expr Scope::param(const std::string& name, Shape shape, const Init& init) const {
  return graph_->slot(path_.empty() ? name : path_ + "/" + name, shape, init, DType::f32,
                      where_.line ? where_ : Where::here());
}

Expr Scope::state(const std::string& name, Shape shape, const Init& init) const {
  const Expr e = param(name, shape, init);
  for (ir::SlotInfo& s : graph_->program().slots) {
    if (s.node == e.id()) s.trainable = false;
  }
  return e;
}

namespace ir {

Where current_where(Where fallback) { return place.line ? place : fallback; }

const Attr* Attrs::find(std::string_view name) const {
  for (const auto& [key, value] : list_) {
    if (key == name) return &value;
  }
  return nullptr;
}
const Attr& Attrs::at(std::string_view name) const {
  if (const Attr* value = find(name)) return *value;
  throw InternalError("no attribute " + std::string(name));
}
void Attrs::set(std::string_view name, Attr value) {
  for (auto& [key, old] : list_) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  list_.emplace_back(std::string(name), std::move(value));
}

const std::string* Node::name() const {
  const Attr* name = op->kind == Kind::source ? attrs.find("name") : nullptr;
  return name ? &std::get<std::string>(*name) : nullptr;
}

std::optional<NodeId> Program::feed(std::string_view name) const {
  const Op& op = find_op("feed");
  for (NodeId i = 0; i < nodes.size(); ++i) {
    if (nodes[i].op == &op && *nodes[i].name() == name) return i;
  }
  return {};
}

const SlotInfo* Program::slot_of(NodeId node) const {
  for (const SlotInfo& s : slots) {
    if (s.node == node) return &s;
  }
  return nullptr;
}

const Commit* Program::commit_of(NodeId slot) const {
  for (const Commit& c : commits) {
    if (c.slot == slot) return &c;
  }
  return nullptr;
}

std::vector<bool> Program::live() const {
  std::vector<bool> mask(nodes.size(), false);
  for (const Fetch& f : fetches) mask[f.node] = true;
  for (const Commit& c : commits) mask[c.value] = mask[c.slot] = true;
  for (size_t i = nodes.size(); i-- > 0;) {
    if (!mask[i]) continue;
    for (NodeId in : nodes[i].in) mask[in] = true;
  }
  return mask;
}

std::vector<bool> Program::invariant() const {
  std::vector<bool> mask(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Node& n = nodes[i];
    if (n.op->kind == Kind::source) {
      mask[i] = !n.name() || n.name()->starts_with("captured:");
    } else {
      mask[i] = n.op->kind != Kind::varying && n.op->kind != Kind::control &&
                std::all_of(n.in.begin(), n.in.end(), [&](NodeId in) { return mask[in]; });
    }
  }
  return mask;
}

void TypeContext::refuse(const std::string& message) const {
  throw UsageError(std::string(op.name) + ": " + message, where);
}

namespace {
/// Whether inner is outer, or a scan's body in it at any depth.
bool encloses(const Graph& outer, const Graph& inner) {
  for (const Graph* g = &inner; g; g = g->program().parent) {
    if (g == &outer) return true;
  }
  return false;
}

/// `e` as a node of g, which e's graph encloses.
NodeId capture(Graph& g, Expr e) {
  if (&e.graph() == &g) return e.id();
  const NodeId outer = capture(*g.program().parent, e);
  for (const auto& [from, to] : g.program().captures) {
    if (from == outer) return to;
  }
  const Node source = g.program().parent->program().nodes[outer];
  const std::string name = "captured:" + std::to_string(g.program().captures.size());
  const NodeId id =
      apply(g, find_op("feed"), {}, declared(name, source.shape, source.dtype), source.where).id();
  g.program().captures.emplace_back(outer, id);
  return id;
}
}  // namespace

const Node* scan_among(const Program& program, const std::vector<NodeId>& operands) {
  const Node* first = operands.empty() ? nullptr : &program.nodes[operands[0]];
  return first && first->body ? first : nullptr;
}

Attrs declared(const std::string& name, const Shape& shape, DType dtype) {
  return {{"name", name}, {"shape", ints_of(shape)}, {"dtype", std::string(name_of(dtype))}};
}

Expr apply(Graph& g, const Op& op, const std::vector<Expr>& in, Attrs attrs, Where where,
           std::shared_ptr<Graph> body) {
  where = current_where(where);
  Node n;
  TypeContext context{op, {}, {}, attrs, where, body.get()};
  const bool variadic = !op.in.empty() && std::string_view(op.in.back()).ends_with("...");
  if (variadic ? in.size() + 1 < op.in.size() : in.size() != op.in.size()) {
    context.refuse("takes " + std::to_string(op.in.size()) + " operands, got " +
                   std::to_string(in.size()));
  }
  for (const Expr& e : in) {
    if (!encloses(e.graph(), g)) {
      context.refuse(
          "an operand belongs to another graph; build both on one Graph, or carry the value over "
          "by a feed");
    }
    n.in.push_back(capture(g, e));
    context.shapes.push_back(e.shape());
    context.dtypes.push_back(e.dtype());
  }
  context.scan = scan_among(g.program(), n.in);
  const ResultType type = op.type(context);
  n.op = &op;
  n.attrs = std::move(attrs);
  n.shape = type.shape;
  n.dtype = type.dtype;
  n.where = where;
  n.body = std::move(body);
  g.program().nodes.push_back(std::move(n));
  return {&g, static_cast<NodeId>(g.program().nodes.size() - 1)};
}

Graph& graph_of(const Op& op, const std::vector<Arg>& args) {
  Graph* found = nullptr;
  for (const Arg& a : args) {
    if (a.is_number()) continue;
    Graph& g = a.expr().graph();
    if (!found || encloses(*found, g)) found = &g;
  }
  if (!found) {
    throw UsageError(std::string(op.name) + ": needs an Expr among its operands, got numbers only",
                     current_where(args.empty() ? Where{} : args[0].where()));
  }
  return *found;
}

Expr expr_in(Graph& g, const Arg& arg) {
  if (arg.is_number())
    return apply(g, find_op("constant"), {}, {{"value", arg.number()}}, arg.where());
  if (!encloses(arg.expr().graph(), g)) {
    throw UsageError("an Expr of another graph was used; build both on one Graph",
                     current_where(arg.where()));
  }
  return {&g, capture(g, arg.expr())};
}

}  // namespace ir
}  // namespace latent
