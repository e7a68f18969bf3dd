// What an op is: one literal in src/ops/<family>.cc with everything the rest of the engine asks
// about it. Passes ask properties (kind, kernel); they do not name ops. src/ops/table_test.cc
// proves each entry: shape rule, kernel against reference, gradient against differences, fused
// against unfused, print-parse-print.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ir/program.h"
#include "kernels/call.h"

namespace latent::ir {

enum class Kind : uint8_t {
  source,       // feed, slot, constant: no computation
  elementwise,  // one tile kernel applied to operands of one shape, or a cast
  broadcast,    // repeats a smaller operand; absorbed by elementwise neighbours where the pattern
                // allows
  window,       // entries of one axis; absorbed by elementwise neighbours as a strided operand
  reduction,    // sum or maximum over contiguous axes
  view,         // same elements under another shape; shares memory
  general,      // a kernel of its own
  varying,      // so, and its value depends on more than its operands: noise, the place in a scan
  control,      // scan and its outputs
};

enum class AttrKind : uint8_t { integer, real, word, ints };
struct AttrSpec {
  const char* name;
  AttrKind kind;
};

/// Operands' shapes and types as a rule sees them.
struct TypeContext {
  const Op& op;
  std::vector<Shape> shapes;
  std::vector<DType> dtypes;
  const Attrs& attrs;
  Where where;
  const Graph* body = nullptr;
  const Node* scan = nullptr;  // of a scan's result
  /// Throws UsageError "<op>: <message> (<file>:<line>)".
  [[noreturn]] void refuse(const std::string& message) const;
};
struct ResultType {
  Shape shape;
  DType dtype;
};
using TypeRule = std::function<ResultType(const TypeContext&)>;

/// What a gradient rule works with: operands, result and cotangent of one node, as Exprs of the
/// graph.
struct Back {
  Graph& graph;
  NodeId node;
  Expr dy;  // cotangent of y
  Expr x(size_t i) const { return {&graph, graph.program().nodes[node].in[i]}; }
  Expr y() const { return {&graph, node}; }
  const Attrs& attrs() const { return graph.program().nodes[node].attrs; }
};
/// One cotangent for each operand, an empty Expr where none flows; or none at all.
using GradRule = std::function<std::vector<Expr>(const Back&)>;
/// "Not differentiable", said aloud.
struct NoGradient {
  std::string reason;
};
using Gradient = std::variant<GradRule, NoGradient>;

/// A tensor of the double reference. Indexes are stored as whole doubles.
struct RefTensor {
  Shape shape;
  std::vector<double> v;
};
struct RefCall {
  const Node& node;
  std::span<const RefTensor* const> in;
  RefTensor& out;  // shape set, zeros
  const kernels::RunState& state;
};
using ScalarReference = std::function<double(const double* x)>;
using TensorReference = std::function<void(const RefCall&)>;
struct NoReference {};  // sources and control: the reference runner evaluates them itself
using Reference = std::variant<NoReference, ScalarReference, TensorReference>;

/// How the CPU computes it.
struct TileKernel {
  const char* name;  // in kernels/tile.h
};
struct CastKernel {};  // a conversion at the end of a chain
struct SumKernel {};
struct MaxKernel {};
struct PlannedKernel {};  // sources, views, control: the plan deals with them
struct BindContext {
  const Node& node;
  std::span<const Node* const> in;
};
using BindFn = std::function<std::vector<kernels::Call>(const BindContext&)>;
using Kernel = std::variant<PlannedKernel, TileKernel, CastKernel, SumKernel, MaxKernel, BindFn>;

/// One set of operands for the generated tests. Values of operand i are drawn from [low, high];
/// kinks lie at `avoid`.
struct Case {
  std::vector<Shape> shapes;
  Attrs attrs;
  std::vector<DType> dtypes;  // empty: all f32
};
struct Domain {
  double low = -2, high = 2;
  std::vector<double> avoid;  // no value nearer than 0.05: kinks and poles
  std::vector<Case> cases;    // elementwise ops leave it empty: lengths are generated
  double tolerance = 2e-6;    // relative error of the float32 kernel against the reference
};

struct Op {
  const char* name;
  const char* doc;
  std::vector<const char*> in;  // operand names; a last name ending in "..." stands for any number
  std::vector<AttrSpec> attrs;
  Kind kind;
  TypeRule type;
  Gradient grad;
  Kernel kernel;
  Reference reference;
  Domain domain;
};

/// Every op, in the order of the families. Defined by src/ops/table.cc.
const std::vector<Op>& op_table();
/// The op called `name`; InternalError when there is none (the parser asks find_op_or_null).
const Op& find_op(std::string_view name);
const Op* find_op_or_null(std::string_view name);

}  // namespace latent::ir
