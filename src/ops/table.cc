// The op table: every family in order, and the look-ups by name.
#include <unordered_map>

#include "ops/family.h"

namespace latent {
namespace ir {

const std::vector<Op>& op_table() {
  static const std::vector<Op> table = [] {
    std::vector<Op> t;
    ops::add_source_ops(t);
    ops::add_elementwise_ops(t);
    ops::add_reduce_ops(t);
    ops::add_shape_ops(t);
    ops::add_product_ops(t);
    ops::add_conv_ops(t);
    ops::add_pool_ops(t);
    ops::add_index_ops(t);
    ops::add_random_ops(t);
    ops::add_scan_ops(t);
    return t;
  }();
  return table;
}

const Op* find_op_or_null(std::string_view name) {
  static const std::unordered_map<std::string_view, const Op*> index = [] {
    std::unordered_map<std::string_view, const Op*> m;
    for (const Op& op : op_table()) m.emplace(op.name, &op);
    return m;
  }();
  const auto found = index.find(name);
  return found == index.end() ? nullptr : found->second;
}

const Op& find_op(std::string_view name) {
  const Op* op = find_op_or_null(name);
  if (!op) throw InternalError("no op is called " + std::string(name));
  return *op;
}

}  // namespace ir

namespace ops {

Expr apply(const char* name, const std::vector<Arg>& args, Attrs attrs) {
  const Op& op = ir::find_op(name);
  Graph& g = ir::graph_of(op, args);
  const Where where = ir::current_where(args[0].where());
  std::vector<Expr> in;
  for (const Arg& a : args) in.push_back(a.is_number() ? ir::expr_in(g, a) : a.expr());
  return ir::apply(g, op, in, std::move(attrs), where);
}

void expect_type(const TypeContext& c, size_t i, DType dtype) {
  if (c.dtypes[i] == dtype) return;
  c.refuse(std::string(c.op.in[std::min(i, c.op.in.size() - 1)]) + " must be " + name_of(dtype) +
           ", found " + name_of(c.dtypes[i]) + c.shapes[i].text() + "; use cast");
}

int checked_axis(const char* op, int axis, const Arg& x) {
  const int rank = x.expr().shape().rank();
  const int a = axis < 0 ? axis + rank : axis;
  if (a < 0 || a >= rank) {
    throw UsageError(std::string(op) + ": axis " + std::to_string(axis) + " of a tensor with " +
                         std::to_string(rank) + " axes",
                     ir::current_where(x.where()));
  }
  return a;
}

Expr filled(Graph& g, double value, const Shape& shape) {
  return broadcast_to(ir::expr_in(g, value), shape);
}

ResultType declared_type(const TypeContext& c) {
  return {shape_of(c.attrs.ints("shape")), dtype_named(c.attrs.word("dtype"))};
}

Shape without(const Shape& s, int first, int count) {
  Shape rest;
  for (int i = 0; i < s.rank(); ++i) {
    if (i < first || i >= first + count) rest.push_back(s[i]);
  }
  return rest;
}
Shape stacked(int64_t n, const Shape& s) {
  Shape t{n};
  for (int64_t d : s) t.push_back(d);
  return t;
}

Split3 split_at(const Shape& s, int first, int count) {
  Split3 r;
  for (int i = 0; i < s.rank(); ++i)
    (i < first ? r.outer : i < first + count ? r.mid : r.inner) *= s[i];
  return r;
}

}  // namespace ops
}  // namespace latent
