// Groups elementwise nodes, the broadcasts that feed them and the reductions that end them into
// chains. A chain has one shape [rows x cols]; a repeated row, a repeated column and each reduction
// fix where rows end. Two groups merge when their extents agree and no path leads out of one and
// back into it. Needs nothing but op kinds.
#include <algorithm>
#include <bit>
#include <deque>
#include <map>
#include <optional>

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
  kernels::FusedInput input;
  int64_t rows;
};

Reading window_reading(const Node& window, const Shape& from) {
  const auto axis = static_cast<int>(window.attrs.integer("axis"));
  const auto [rows, all, inner] = ops::split_at(from, axis);
  kernels::FusedInput input{.access = kernels::Access::full,
                            .offset = window.attrs.integer("begin") * inner,
                            .window = true};
  if (rows == 1) return {input, 0};
  input.stride = all * inner;
  return {input, rows};
}

std::optional<Reading> broadcast_reading(const Shape& from, const Shape& to) {
  using kernels::Access;
  if (from.elements() == 1) return Reading{{Access::scalar}, 0};
  const int added = to.rank() - from.rank();
  Shape padded;  // `from` of the rank of `to`
  for (int i = 0; i < to.rank(); ++i) padded.push_back(i < added ? 1 : from[i - added]);
  const auto f = padded.dims(), t = to.dims();
  const auto repeats = [](int64_t extent) { return extent == 1; };
  const auto first = static_cast<size_t>(std::ranges::find_if_not(f, repeats) - f.begin());
  if (std::ranges::equal(f.subspan(first), t.subspan(first)))
    return Reading{{Access::row}, Shape(t.first(first)).elements()};
  size_t last = f.size();  // behind it all repeat
  while (last > 0 && repeats(f[last - 1])) --last;
  if (added == 0 && std::ranges::equal(f.first(last), t.first(last)))
    return Reading{{Access::column}, Shape(t.first(last)).elements()};
  return std::nullopt;
}

std::optional<Reading> reading_of(const Program& p, const Node& n) {
  const Shape& from = p.nodes[n.in[0]].shape;
  return n.op->kind == Kind::window ? window_reading(n, from) : broadcast_reading(from, n.shape);
}

bool is_reduction(const Node& n) { return n.op->kind == Kind::reduction; }

/// Rows that a reduction asks of its operand's domain; 0 when it is over middle axes.
int64_t reduction_rows(const Node& n, const Shape& x) {
  const auto [before, mid, after] = split_of(n, x);
  if (after == 1) return before;
  return before == 1 && !is_maximum(n) ? mid : 0;
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
      : p_(p), kept_(kept(p)), group_of_(p.nodes.size(), nullptr), readers_(p.nodes.size()) {
    for (NodeId i = 0; i < p.nodes.size(); ++i) {
      for (NodeId in : p.nodes[i].in) readers_[in].push_back(i);
    }
  }

  std::vector<Unit> run(bool enabled) {
    for (NodeId i = 0; i < p_.nodes.size(); ++i) start(i);
    std::vector<std::pair<NodeId, NodeId>> postponed;
    if (enabled) {
      for (NodeId i = 0; i < p_.nodes.size(); ++i) {
        if (!group_of_[i] || !group_of_[i]->open) continue;
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
  /// Each node that computes starts as a group of one. Absorbable broadcasts belong to their
  /// readers: no group.
  void start(NodeId i) {
    const Node& n = p_.nodes[i];
    if (is_source(n) || n.op->kind == Kind::view) return;
    if (is_reading(n) && absorbable(i)) return;
    Group& g = groups_.emplace_back();
    g.nodes = {i};
    if (n.op->kind == Kind::elementwise) {
      g.open = true;
      g.domain = n.shape;
      for (NodeId in : n.in) {  // whose broadcasts agree: absorbable() made sure
        if (const auto r = reading(in); r && !g.rows) g.rows = r->rows;
      }
    } else if (is_reduction(n)) {
      g.domain = p_.nodes[n.in[0]].shape;
      g.rows = reduction_rows(n, g.domain);
      g.open = g.rows > 0;  // an empty domain runs by itself
    }
    group_of_[i] = &g;
  }

  std::optional<Reading> reading(NodeId in) const {
    const Node& b = p_.nodes[in];
    if (!is_reading(b) || group_of_[in]) return std::nullopt;
    return reading_of(p_, b);
  }

  /// A broadcast or window that every reader can take as a row, a column, a scalar or strided rows
  /// of its domain, with rows that agree.
  bool absorbable(NodeId i) const {
    const Node& n = p_.nodes[i];
    if (n.dtype != DType::f32 || kept_[i]) return false;
    const auto mine = reading_of(p_, n);
    if (!mine) return false;
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

  /// Whether a path leads from one group to another over at least one node outside both.
  bool reaches(const Group* from, const Group* to) const {
    std::vector<bool> seen(p_.nodes.size(), false);
    std::vector<NodeId> stack = from->nodes;
    const auto visit = [&](NodeId n) {
      seen[n] = true;
      stack.push_back(n);
    };
    while (!stack.empty()) {
      const NodeId n = stack.back();
      stack.pop_back();
      // The readers of a reduction's result cannot be in the chain that makes it.
      const bool outside = group_of_[n] != from || is_reduction(p_.nodes[n]);
      for (NodeId r : readers_[n]) {
        const Group* g = group_of_[r];
        if (seen[r] || g == from) continue;
        if (g == to) {
          if (outside) return true;
        } else if (!g) {
          visit(r);
        } else {  // memory is whole groups: what reads one of its nodes needs all of it
          std::ranges::for_each(g->nodes, visit);
        }
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

  void try_merge(NodeId x, NodeId y) {
    if (!group_of_[x] || !group_of_[y] || group_of_[x] == group_of_[y]) return;
    Group &g = *group_of_[x], &h = *group_of_[y];
    if (!g.open || !h.open || !(g.domain == h.domain)) return;
    if (g.rows && h.rows && g.rows != h.rows) return;
    if (g.nodes.size() + h.nodes.size() > kMostNodes) return;
    std::vector<NodeId> nodes = g.nodes;
    nodes.insert(nodes.end(), h.nodes.begin(), h.nodes.end());
    std::set<NodeId> inputs;
    for (NodeId n : nodes) {
      for (NodeId in : p_.nodes[n].in) {
        if (group_of_[in] != &g && group_of_[in] != &h) {
          inputs.insert(in);
        } else if (p_.nodes[in].dtype != DType::f32 || is_reduction(p_.nodes[in])) {
          return;  // casts to another type end a chain, from another type start it
        }
      }
    }
    if (inputs.size() > kMostInputs) return;
    if (reaches(&g, &h) || reaches(&h, &g)) return;
    std::sort(nodes.begin(), nodes.end());
    g.nodes = std::move(nodes);
    g.rows = std::max(g.rows, h.rows);
    for (NodeId n : h.nodes) group_of_[n] = &g;
    h.nodes.clear();
    h.open = false;
  }

  /// Chains that read the same tensors in full read them once.
  void merge_siblings() {
    for (NodeId i = 0; i < p_.nodes.size(); ++i) {
      const Node& n = p_.nodes[i];
      if (!group_of_[i] && n.op->kind == Kind::broadcast)
        continue;  // sharing a scalar saves nothing
      std::optional<NodeId> first;
      for (NodeId r : readers_[i]) {
        const Group* g = group_of_[r];
        if (!g || !g->open || p_.nodes[r].op->kind == Kind::broadcast) continue;
        if (!(g->domain == n.shape) || n.shape.elements() < 2) continue;
        if (first)
          try_merge(*first, r);
        else
          first = r;
      }
    }
  }

  std::vector<Unit> units() const {
    std::vector<Unit> result;
    for (const Group& g : groups_) {
      if (g.nodes.empty()) continue;
      Unit u{g.nodes};
      if (g.open) {
        const int64_t n = g.domain.elements();
        const int rank = g.domain.rank();
        u.rows = g.rows ? g.rows : n > 0 && rank > 1 ? n / g.domain[rank - 1] : 1;
      }
      result.push_back(std::move(u));
    }
    std::sort(result.begin(), result.end(),
              [](const Unit& a, const Unit& b) { return a.nodes.back() < b.nodes.back(); });
    return result;
  }

  const Program& p_;
  const std::vector<bool> kept_;
  std::deque<Group> groups_;
  std::vector<Group*> group_of_;  // of each node; null: it is read through, or computes nothing
  std::vector<std::vector<NodeId>> readers_;
};

}  // namespace

bool is_maximum(const Node& reduction) {
  return std::holds_alternative<ir::MaxKernel>(reduction.op->kernel);
}
ops::Split3 split_of(const Node& reduction, const Shape& x) {
  return ops::split_at(x, static_cast<int>(reduction.attrs.integer("first")),
                       static_cast<int>(reduction.attrs.integer("count")));
}

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
  std::vector<double> constants;
  // The number of an operand from outside: of an input, or, behind them all, of a constant. A new
  // one is added.
  const auto outer = [&](NodeId in) -> size_t {
    if (const auto number = constant_of(program, in)) {
      const auto bits = [](double v) { return std::bit_cast<uint64_t>(v); };  // a NaN equals itself
      const auto found = std::ranges::find(constants, bits(*number), bits);
      const auto k = static_cast<size_t>(found - constants.begin());
      if (found == constants.end()) constants.push_back(*number);
      return c.inputs.size() + k;
    }
    const Node& x = program.nodes[in];
    const bool absorbed = is_reading(x) && !needed_outside[in];
    const NodeId source = absorbed ? x.in[0] : in;
    const bool one = x.shape.elements() == 1 && domain.elements() != 1;
    FusedInput input =
        absorbed ? reading_of(program, x)->input : FusedInput{one ? Access::scalar : Access::full};
    input.element = program.nodes[source].dtype;
    size_t k = 0;
    while (k < c.inputs.size() &&
           !(f.inputs[k] == input && root_of(program, c.inputs[k]) == root_of(program, source)))
      ++k;
    if (k == c.inputs.size()) {
      c.inputs.push_back(source);
      f.inputs.push_back(input);
    }
    return k;
  };
  const auto inside = [&](NodeId id) { return std::ranges::count(unit.nodes, id) > 0; };
  for (NodeId id : unit.nodes) {
    for (NodeId in : program.nodes[id].in) {
      if (!inside(in)) outer(in);
    }
  }
  f.constants.assign(constants.begin(), constants.end());
  std::map<NodeId, int> value;  // of nodes in the chain
  const auto value_of = [&](NodeId in) {
    return inside(in) ? value.at(in) : static_cast<int>(outer(in));
  };
  for (NodeId id : unit.nodes) {
    const Node& n = program.nodes[id];
    if (is_reduction(n)) {
      const End end = split_of(n, domain).inner != 1 ? End::column_sum
                      : is_maximum(n)                ? End::row_max
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
      f.outputs.push_back({End::store, value[id], n.dtype});
      c.outputs.push_back(id);
    }
  }
  return c;
}

}  // namespace latent::passes
