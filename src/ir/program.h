// The inside of a Graph: nodes in the order they were made (operands first), and the lists that
// give them meaning. Passes read and rewrite a Program; user code sees only Graph and Expr.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "latent/graph.h"

namespace latent::ir {

struct Op;
using NodeId = uint32_t;

using Ints = std::vector<int64_t>;
using Attr = std::variant<int64_t, double, std::string, Ints>;
inline Shape shape_of(const Ints& dims) { return Shape(std::span<const int64_t>(dims)); }
inline Ints ints_of(const Shape& s) { return Ints(s.begin(), s.end()); }

/// Named constants of a node, in the order its op declares them.
class Attrs {
 public:
  Attrs() = default;
  Attrs(std::initializer_list<std::pair<std::string, Attr>> list) : list_(list) {}
  int64_t integer(std::string_view name) const { return std::get<int64_t>(at(name)); }
  double real(std::string_view name) const { return std::get<double>(at(name)); }
  const std::string& word(std::string_view name) const { return std::get<std::string>(at(name)); }
  const Ints& ints(std::string_view name) const { return std::get<Ints>(at(name)); }
  const Attr* find(std::string_view name) const;  // null when there is none
  void set(std::string_view name, Attr value);
  const std::vector<std::pair<std::string, Attr>>& list() const { return list_; }
  bool operator==(const Attrs& o) const = default;

 private:
  const Attr& at(std::string_view name) const;
  std::vector<std::pair<std::string, Attr>> list_;
};

struct Node {
  const Op* op = nullptr;
  std::vector<NodeId> in;
  Attrs attrs;
  Shape shape;
  DType dtype = DType::f32;
  Where where;
  std::shared_ptr<Graph> body;  // of a scan; null elsewhere

  /// What a feed or slot is called; null of other nodes.
  const std::string* name() const;
};

struct SlotInfo {
  NodeId node;
  std::string name;
  Init init;
  bool trainable = true;
  Where where;
};

struct Commit {
  NodeId slot, value;
  Where where;
};

struct Fetch {
  std::string name;
  NodeId node;
};

struct Schedule {
  NodeId node;  // a feed
  std::string counter;
  std::function<double(int64_t)> value;
};

struct Program {
  std::deque<Node> nodes;  // a reference to a node outlives the nodes made after it
  std::vector<SlotInfo> slots;
  std::vector<Commit> commits;
  std::vector<Fetch> fetches;
  std::vector<Schedule> schedules;

  // Of a scan's body: the outer graph, and what it reads of it (outer node, node here). Empty
  // elsewhere.
  Graph* parent = nullptr;
  std::vector<std::pair<NodeId, NodeId>> captures;

  std::optional<NodeId> feed(std::string_view name) const;
  const SlotInfo* slot_of(NodeId node) const;
  const Commit* commit_of(NodeId slot) const;
  /// Nodes that fetches and commits need, as a mask.
  std::vector<bool> live() const;
  /// Of a scan's body: nodes that depend on captured values and constants alone, so that every
  /// iteration has the same.
  std::vector<bool> invariant() const;
};

/// The scan that is the first of these operands; null where it is none.
const Node* scan_among(const Program& program, const std::vector<NodeId>& operands);

/// The attributes of a feed or slot.
Attrs declared(const std::string& name, const Shape& shape, DType dtype);

/// Appends a node after its op has checked operands and attributes and told shape and type.
/// Operands of an enclosing graph are captured when `g` is a scan's body; of any other graph, a
/// UsageError.
Expr apply(Graph& g, const Op& op, const std::vector<Expr>& in, Attrs attrs, Where where,
           std::shared_ptr<Graph> body = nullptr);

/// The graph of the first Expr among `args` (the innermost, if several are nested); throws when all
/// are numbers.
Graph& graph_of(const Op& op, const std::vector<Arg>& args);
/// `arg` as a node of g: a number becomes a constant.
Expr expr_in(Graph& g, const Arg& arg);

/// The line that nodes made now should name: that of the innermost At, else `fallback`.
Where current_where(Where fallback);

}  // namespace latent::ir
