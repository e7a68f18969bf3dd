// Groups elementwise nodes, the broadcasts that feed them and the reductions that end them into
// chains. A chain has one shape [rows x cols]; a repeated row, a repeated column and each reduction
// fix where rows end. Two groups merge when their extents agree and no path leads out of one and
// back into it. Needs nothing but op kinds.
#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "ir/op.h"
#include "passes/pass.h"

namespace latent::passes {

namespace {

using ir::Kind;
using ir::Node;
using ir::NodeId;
using ir::Program;

constexpr size_t kMostNodes = 40, kMostInputs = 20;

/// How the operand of a broadcast or a window is read over a domain, and how many rows that asks
/// for (0: any).
struct Reading {
  kernels::Access access;
  int64_t rows;
  int64_t stride = 0, offset = 0;  // of a window, as FusedInput has them
  bool window = false;
};

Reading window_reading(const Node& window, const Shape& from) {
  const int axis = static_cast<int>(window.attrs.integer("axis"));
  int64_t rows = 1, inner = 1;
  for (int i = 0; i < from.rank(); ++i) (i < axis ? rows : inner) *= i == axis ? 1 : from[i];
  const int64_t offset = window.attrs.integer("begin") * inner;
  if (rows == 1) return {kernels::Access::full, 0, 0, offset, true};
  return {kernels::Access::full, rows, from[axis] * inner, offset, true};
}

std::optional<Reading> broadcast_reading(const Shape& from, const Shape& to) {
  using kernels::Access;
  if (from.elements() == 1) return Reading{Access::scalar, 0};
  const int shift = to.rank() - from.rank();
  int first = 0;  // leading axes that repeat
  while (first < to.rank() && (first < shift || from[first - shift] == 1)) ++first;
  int64_t rows = 1;
  bool row = true;
  for (int i = 0; i < to.rank(); ++i) {
    if (i < first)
      rows *= to[i];
    else
      row &= from[i - shift] == to[i];
  }
  if (row) return Reading{Access::row, rows};
  int last = to.rank();  // trailing axes that repeat
  while (last > 0 && last - 1 >= shift && from[last - 1 - shift] == 1) --last;
  rows = 1;
  bool column = shift == 0;
  for (int i = 0; column && i < last; ++i) {
    column = from[i - shift] == to[i];
    rows *= to[i];
  }
  if (column) return Reading{Access::column, rows};
  return std::nullopt;
}

std::optional<Reading> reading_of(const Program& p, const Node& n) {
  const Shape& from = p.nodes[n.in[0]].shape;
  return n.op->kind == Kind::window ? window_reading(n, from) : broadcast_reading(from, n.shape);
}

bool is_reduction(const Node& n) { return n.op->kind == Kind::reduction; }

/// Rows that a reduction asks of its operand's domain, or nothing when it is over middle axes.
std::optional<int64_t> reduction_rows(const Node& n, const Shape& x) {
  const int64_t first = n.attrs.integer("first"), count = n.attrs.integer("count");
  int64_t before = 1, mid = 1, after = 1;
  for (int i = 0; i < x.rank(); ++i) (i < first ? before : i < first + count ? mid : after) *= x[i];
  const bool maximum = std::holds_alternative<ir::MaxKernel>(n.op->kernel);
  if (after == 1) return before;
  if (before == 1 && !maximum) return mid;
  return std::nullopt;
}

struct Group {
  std::vector<NodeId> nodes;
  Shape domain;
  int64_t rows = 0;   // 0: any
  bool open = false;  // can take part in a chain
};

class Fuser {
 public:
  explicit Fuser(const Program& p)
      : p_(p), group_of_(p.nodes.size(), -1), readers_(p.nodes.size()) {
    for (NodeId i = 0; i < p.nodes.size(); ++i) {
      for (NodeId in : p.nodes[i].in) readers_[in].push_back(i);
    }
  }

  std::vector<Unit> run(bool enabled) {
    for (NodeId i = 0; i < p_.nodes.size(); ++i) start(i);
    std::vector<std::pair<NodeId, NodeId>> postponed;
    if (enabled) {
      for (NodeId i = 0; i < p_.nodes.size(); ++i) {
        if (group_of_[i] < 0 || !groups_[at(i)].open) continue;
        for (NodeId in : p_.nodes[i].in) {
          if (belongs_to_reader(in, i))
            postponed.emplace_back(in, i);
          else
            try_merge(in, i);
        }
      }
      for (const auto& [in, i] : postponed) try_merge(in, i);
      merge_siblings();
    }
    return units();
  }

 private:
  size_t at(NodeId i) const { return static_cast<size_t>(group_of_[i]); }

  /// Each node that computes starts as a group of one. Absorbable broadcasts belong to their
  /// readers: no group.
  void start(NodeId i) {
    const Node& n = p_.nodes[i];
    if (is_source(n) || n.op->kind == Kind::view) return;
    if (is_reading(n) && absorbable(i)) return;
    Group g;
    g.nodes = {i};
    if (n.op->kind == Kind::elementwise) {
      g.open = true;
      g.domain = n.shape;
      for (NodeId in : n.in) {  // whose broadcasts agree: absorbable() made sure
        if (const auto r = reading(in); r && !g.rows) g.rows = r->rows;
      }
    } else if (is_reduction(n)) {
      const Shape& x = p_.nodes[n.in[0]].shape;
      const auto rows = reduction_rows(n, x);
      g.open = rows.has_value();
      g.domain = x;
      g.rows = rows.value_or(0);
      if (g.rows == 0 && g.open) g.open = false;  // an empty domain runs by itself
    }
    group_of_[i] = static_cast<int>(groups_.size());
    groups_.push_back(std::move(g));
  }

  std::optional<Reading> reading(NodeId in) const {
    const Node& b = p_.nodes[in];
    if (!is_reading(b) || group_of_[in] >= 0) return std::nullopt;
    return reading_of(p_, b);
  }

  /// A broadcast or window that every reader can take as a row, a column, a scalar or strided rows
  /// of its domain, with rows that agree.
  bool absorbable(NodeId i) const {
    const Node& n = p_.nodes[i];
    if (n.dtype != DType::f32) return false;
    const auto mine = reading_of(p_, n);
    if (!mine) return false;
    for (const ir::Fetch& f : p_.fetches) {
      if (root_of(p_, f.node) == i) return false;
    }
    for (const ir::Commit& c : p_.commits) {
      if (root_of(p_, c.value) == i) return false;
    }
    for (NodeId reader : readers_[i]) {
      const Node& r = p_.nodes[reader];
      if (r.op->kind != Kind::elementwise) return false;
      if (mine->rows == 0) continue;
      for (NodeId other :
           r.in) {  // a reader with two broadcasts of different rows gets them as memory
        const Node& o = p_.nodes[other];
        if (other == i || !is_reading(o)) continue;
        const auto theirs = reading_of(p_, o);
        if (theirs && theirs->rows && theirs->rows != mine->rows) return false;
      }
    }
    return true;
  }

  bool reaches(size_t from, size_t to) const {  // a path of at least one node outside both
    std::vector<bool> seen(p_.nodes.size(), false);
    std::vector<NodeId> stack;
    const auto push = [&](NodeId n, bool from_group) {
      for (NodeId r : readers_[n]) {
        if (seen[r]) continue;
        const int g = group_of_[r];
        if (g == static_cast<int>(from)) continue;
        if (g == static_cast<int>(to)) {
          if (!from_group) return true;
          continue;
        }
        seen[r] = true;
        stack.push_back(r);
      }
      return false;
    };
    for (NodeId n : groups_[from].nodes) {
      // The readers of a reduction's result cannot be in the chain that makes it.
      if (push(n, !is_reduction(p_.nodes[n]))) return true;
    }
    while (!stack.empty()) {
      const NodeId n = stack.back();
      stack.pop_back();
      // Memory is whole groups: leaving one node of a group needs all of it.
      if (group_of_[n] >= 0) {
        for (NodeId m : groups_[at(n)].nodes) {
          if (push(m, false)) return true;
        }
      } else if (push(n, false)) {
        return true;
      }
    }
    return false;
  }

  /// Whether i is better computed with its only reader than with its operand: the operand lies in
  /// memory anyway, for a product say, and i's own value then need not. So the derivative of an
  /// activation is taken in the backward chain, from the activation.
  bool belongs_to_reader(NodeId in, NodeId i) const {
    if (readers_[i].size() != 1) return false;
    const Node& reader = p_.nodes[readers_[i][0]];
    if (reader.op->kind != Kind::elementwise || !(reader.shape == p_.nodes[i].shape)) return false;
    return feeds_general(in);
  }
  /// Whether a node of kind general reads the value, under whatever shape.
  bool feeds_general(NodeId n) const {
    return std::any_of(readers_[n].begin(), readers_[n].end(), [&](NodeId r) {
      const Kind kind = p_.nodes[r].op->kind;
      return kind == Kind::general || (kind == Kind::view && feeds_general(r));
    });
  }

  size_t inputs_of(const std::vector<NodeId>& nodes, int a, int b) const {
    std::set<NodeId> seen;
    for (NodeId n : nodes) {
      for (NodeId in : p_.nodes[n].in) {
        const int g = group_of_[in];
        if (g < 0 || (g != a && g != b)) seen.insert(in);
      }
    }
    return seen.size();
  }

  bool try_merge(NodeId x, NodeId y) {
    if (group_of_[x] < 0 || group_of_[y] < 0 || group_of_[x] == group_of_[y]) return false;
    const size_t a = at(x), b = at(y);
    Group &g = groups_[a], &h = groups_[b];
    if (!g.open || !h.open || !(g.domain == h.domain)) return false;
    if (g.rows && h.rows && g.rows != h.rows) return false;
    if (g.nodes.size() + h.nodes.size() > kMostNodes) return false;
    std::vector<NodeId> nodes = g.nodes;
    nodes.insert(nodes.end(), h.nodes.begin(), h.nodes.end());
    if (inputs_of(nodes, static_cast<int>(a), static_cast<int>(b)) > kMostInputs) return false;
    for (NodeId n : nodes) {  // casts to another type end a chain, from another type start it
      const Node& c = p_.nodes[n];
      for (NodeId in : c.in) {
        const int from = group_of_[in];
        const bool inside = from == static_cast<int>(a) || from == static_cast<int>(b);
        if (inside && (p_.nodes[in].dtype != DType::f32 || is_reduction(p_.nodes[in])))
          return false;
      }
    }
    if (reaches(a, b) || reaches(b, a)) return false;
    std::sort(nodes.begin(), nodes.end());
    g.nodes = std::move(nodes);
    g.rows = std::max(g.rows, h.rows);
    for (NodeId n : h.nodes) group_of_[n] = static_cast<int>(a);
    h.nodes.clear();
    h.open = false;
    return true;
  }

  /// Chains that read the same tensors in full read them once.
  void merge_siblings() {
    for (NodeId i = 0; i < p_.nodes.size(); ++i) {
      if (group_of_[i] < 0 && p_.nodes[i].op->kind == Kind::broadcast)
        continue;  // sharing a scalar saves nothing
      NodeId first = 0;
      bool any = false;
      for (NodeId r : readers_[i]) {
        if (group_of_[r] < 0 || !groups_[at(r)].open || p_.nodes[r].op->kind == Kind::broadcast)
          continue;
        if (!(groups_[at(r)].domain == p_.nodes[i].shape) || p_.nodes[i].shape.elements() < 2)
          continue;
        if (any)
          try_merge(first, r);
        else
          first = r;
        any = true;
      }
    }
  }

  std::vector<Unit> units() const {
    std::vector<Unit> result;
    for (const Group& g : groups_) {
      if (g.nodes.empty()) continue;
      Unit u;
      u.nodes = g.nodes;
      const int64_t n = g.domain.elements();
      if (g.open)
        u.rows = g.rows                         ? g.rows
                 : n > 0 && g.domain.rank() > 1 ? n / g.domain[g.domain.rank() - 1]
                                                : 1;
      if (u.rows < 1) u.rows = g.open ? 1 : 0;
      result.push_back(std::move(u));
    }
    std::sort(result.begin(), result.end(),
              [](const Unit& a, const Unit& b) { return a.nodes.back() < b.nodes.back(); });
    return result;
  }

  const Program& p_;
  std::vector<int> group_of_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<Group> groups_;
};

kernels::Element element_of(DType t) {
  using kernels::Element;
  return t == DType::bf16  ? Element::bf16
         : t == DType::i32 ? Element::i32
         : t == DType::u8  ? Element::u8
                           : Element::f32;
}

}  // namespace

std::vector<Unit> fuse(const Program& program, bool enabled) { return Fuser(program).run(enabled); }

ChainPlan chain_of(const Program& program, const Unit& unit,
                   const std::vector<bool>& needed_outside) {
  using namespace kernels;
  ChainPlan c;
  FusedProgram& f = c.program;
  const Node& first = program.nodes[unit.nodes[0]];
  const Shape domain = is_reduction(first) ? program.nodes[first.in[0]].shape : first.shape;
  f.rows = unit.rows;
  f.cols = domain.elements() / std::max<int64_t>(1, unit.rows);
  std::map<NodeId, int> value;                                // of nodes in the chain
  using Read = std::tuple<NodeId, Access, int64_t, int64_t>;  // memory, access, stride, offset
  std::map<Read, int> input_value;
  std::map<double, int> constant_value;
  std::vector<double> constants;  // in the order of their first use
  const auto inside = [&](NodeId id) {
    return std::find(unit.nodes.begin(), unit.nodes.end(), id) != unit.nodes.end();
  };
  // Inputs and constants first, so that their numbers come before the steps'.
  struct Operand {
    bool is_constant;
    double number;
    NodeId node;
    Reading reading;
    Read key(const Program& p) const {
      return {root_of(p, node), reading.access, reading.stride, reading.offset};
    }
  };
  const auto operand_of = [&](NodeId in) -> Operand {
    const Node& x = program.nodes[in];
    if (std::string_view(x.op->name) == "constant")
      return {true, x.attrs.real("value"), in, {Access::scalar, 0}};
    if (is_reading(x) && !needed_outside[in]) {
      const NodeId source = x.in[0];
      const Node& s = program.nodes[root_of(program, source)];
      if (std::string_view(s.op->name) == "constant")
        return {true, s.attrs.real("value"), in, {Access::scalar, 0}};
      return {false, 0, source, *reading_of(program, x)};
    }
    return {false,
            0,
            in,
            {x.shape.elements() == 1 && domain.elements() != 1 ? Access::scalar : Access::full, 0}};
  };
  for (NodeId id : unit.nodes) {
    for (NodeId in : program.nodes[id].in) {
      if (inside(in)) continue;
      const Operand o = operand_of(in);
      if (o.is_constant) {
        if (constant_value.emplace(o.number, 0).second) constants.push_back(o.number);
      } else if (input_value.emplace(o.key(program), static_cast<int>(c.inputs.size())).second) {
        c.inputs.push_back(o.node);
        f.inputs.push_back({o.reading.access, element_of(program.nodes[o.node].dtype),
                            o.reading.stride, o.reading.offset, o.reading.window});
      }
    }
  }
  for (double number : constants) {
    constant_value[number] = static_cast<int>(c.inputs.size() + f.constants.size());
    f.constants.push_back(static_cast<float>(number));
  }
  const auto value_of = [&](NodeId in) {
    if (inside(in)) return value.at(in);
    const Operand o = operand_of(in);
    return o.is_constant ? constant_value.at(o.number) : input_value.at(o.key(program));
  };
  for (NodeId id : unit.nodes) {
    const Node& n = program.nodes[id];
    if (is_reduction(n)) {
      int64_t after = 1;  // axes behind those that go; extents of 1 do not count
      for (auto i = n.attrs.integer("first") + n.attrs.integer("count"); i < domain.rank(); ++i)
        after *= domain[static_cast<int>(i)];
      const bool over_columns = after == 1;
      const End end = !over_columns                                         ? End::column_sum
                      : std::holds_alternative<ir::MaxKernel>(n.op->kernel) ? End::row_max
                                                                            : End::row_sum;
      f.outputs.push_back({end, value_of(n.in[0])});
      c.outputs.push_back(id);
      continue;
    }
    if (std::holds_alternative<ir::CastKernel>(n.op->kernel)) {
      value[id] = value_of(n.in[0]);
    } else {
      FusedStep step{find_tile_op(std::get<ir::TileKernel>(n.op->kernel).name), {-1, -1, -1}};
      if (!step.op) throw InternalError(std::string("no tile kernel for ") + n.op->name);
      for (size_t k = 0; k < n.in.size() && k < static_cast<size_t>(step.op->arity); ++k)
        step.src[k] = value_of(n.in[k]);
      value[id] = static_cast<int>(c.inputs.size() + f.constants.size() + f.steps.size());
      f.steps.push_back(step);
    }
    if (needed_outside[id]) {
      f.outputs.push_back({End::store, value[id], element_of(n.dtype)});
      c.outputs.push_back(id);
    }
  }
  return c;
}

}  // namespace latent::passes
