// Short hands shared by the files of ops: type rules, references, and the calls that add nodes.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "ir/op.h"
#include "kernels/conv.h"
#include "latent/ops.h"

namespace latent::ops {

using ir::AttrKind;
using ir::Attrs;
using ir::Back;
using ir::Case;
using ir::Domain;
using ir::Ints;
using ir::ints_of;
using ir::Kind;
using ir::Op;
using ir::RefCall;
using ir::ResultType;
using ir::shape_of;
using ir::TypeContext;

/// Each family appends its literals to the table; src/ops/table.cc calls them in order.
void add_source_ops(std::vector<Op>& table);
void add_elementwise_ops(std::vector<Op>& table);
void add_reduce_ops(std::vector<Op>& table);
void add_shape_ops(std::vector<Op>& table);
void add_product_ops(std::vector<Op>& table);
void add_conv_ops(std::vector<Op>& table);
void add_pool_ops(std::vector<Op>& table);
void add_index_ops(std::vector<Op>& table);
void add_random_ops(std::vector<Op>& table);
void add_scan_ops(std::vector<Op>& table);

Expr apply(const char* op, const std::vector<Arg>& args, Attrs attrs = {});

/// The gradient of an op that has none to give, though it is no error to ask: flat almost
/// everywhere, or without operands.
inline std::vector<Expr> flat(const Back&) { return {}; }
/// The type rule of an op whose attributes tell shape and dtype.
ResultType declared_type(const TypeContext& c);

/// What the body of a scan calls operand i of it, in its feeds: carries, then inputs, then what it
/// captured.
std::string operand_name(size_t i, size_t carries, size_t inputs);

Expr filled(Graph& g, double value, const Shape& shape);
/// s without `count` axes from `first`.
Shape without(const Shape& s, int first, int count = 1);
/// [n, s...].
Shape stacked(int64_t n, const Shape& s);

/// The one call of an op that works on `rows` rows, cut into `parts` equal ranges of them:
/// run(operands, begin, end).
template <class Run>
std::vector<kernels::Call> rows_call(std::string kernel, int64_t rows, int parts, Run run) {
  kernels::Call c{.kernel = std::move(kernel), .parts = parts};
  c.run = [=](int part, void* const* p, std::byte*, const kernels::RunState&) {
    run(p, rows * part / parts, rows * (part + 1) / parts);
  };
  return {c};
}

/// Throws unless operand i has the type.
void expect_type(const TypeContext& c, size_t i, DType dtype);
/// An axis of x, from one that may count from the end; UsageError when x has none such.
int checked_axis(const char* op, int axis, const Arg& x);
inline int axis_of(const Attrs& attrs) { return static_cast<int>(attrs.integer("axis")); }

/// Axis i, 0 the height, of windows of `taps` over a picture of `size`, by the attributes stride,
/// padding and dilation (where there is one); no places when the window does not fit.
kernels::ConvAxis window_axis(const Attrs& attrs, size_t i, int64_t size, int64_t taps);

/// A shape as three axes, the middle one made of `count` from `first`.
struct Split3 {
  int64_t outer = 1, mid = 1, inner = 1;
};
Split3 split_at(const Shape& s, int first, int count = 1);

}  // namespace latent::ops
