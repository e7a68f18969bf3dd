// Matrix product. Kernels and the choice among them: kernels/product.h.
#include "kernels/product.h"

#include "ops/family.h"

namespace latent {
namespace ops {

namespace {

kernels::ProductProblem problem_of(const Shape& a, const Shape& b, const Attrs& attrs) {
  const bool ta = attrs.integer("transpose_a"), tb = attrs.integer("transpose_b");
  const int r = a.rank();
  return {.m = a[r - (ta ? 1 : 2)],
          .n = b[r - (tb ? 2 : 1)],
          .k = a[r - (ta ? 2 : 1)],
          .transpose_a = ta,
          .transpose_b = tb,
          .batch = split_at(a, 0, r - 2).mid};
}

ResultType matmul_type(const TypeContext& c) {
  const Shape &a = c.shapes[0], &b = c.shapes[1];
  for (size_t i = 0; i < 2; ++i) {
    if (c.dtypes[i] != DType::bf16) expect_type(c, i, DType::f32);
  }
  const std::string both = "a " + a.text() + ", b " + b.text();
  if (c.dtypes[0] != c.dtypes[1]) c.refuse("one operand is bf16, the other f32: " + both);
  if (a.rank() < 2 || a.rank() != b.rank())
    c.refuse("needs two tensors of equal rank, at least 2: " + both);
  for (int i = 0; i < a.rank() - 2; ++i) {
    if (a[i] != b[i]) c.refuse("leading axes differ: " + both);
  }
  const kernels::ProductProblem p = problem_of(a, b, c.attrs);
  if (p.k != b[b.rank() - (p.transpose_b ? 1 : 2)]) {
    const bool would_fit = p.k == p.n && !p.transpose_b;
    c.refuse("inner sizes differ: " + both + (would_fit ? "; did you mean transpose_b?" : ""));
  }
  Shape s(a.dims().first(static_cast<size_t>(a.rank() - 2)));
  s.push_back(p.m);
  s.push_back(p.n);
  return {s, DType::f32};
}

Attrs flags(bool ta, bool tb) {
  return {{"transpose_a", int64_t{ta}}, {"transpose_b", int64_t{tb}}};
}

std::vector<Expr> matmul_grad(const Back& b) {
  const bool ta = b.attrs().integer("transpose_a"), tb = b.attrs().integer("transpose_b");
  const Expr dy = b.dy;
  const Expr da = ta ? matmul(b.x(1), dy, tb, true) : matmul(dy, b.x(1), false, !tb);
  const Expr db = tb ? matmul(dy, b.x(0), true, ta) : matmul(b.x(0), dy, !ta, false);
  return {da, db};
}

std::vector<kernels::Call> bind_matmul(const ir::BindContext& c) {
  kernels::ProductProblem p = problem_of(c.in[0]->shape, c.in[1]->shape, c.node.attrs);
  p.bf16 = c.in[0]->dtype == DType::bf16;
  return kernels::bind_product(p);
}

void matmul_reference(const RefCall& c) {
  const kernels::ProductProblem p = problem_of(c.in[0]->shape, c.in[1]->shape, c.node.attrs);
  for (int64_t q = 0; q < p.batch; ++q) {
    const double *a = c.in[0]->v.data() + q * p.m * p.k, *b = c.in[1]->v.data() + q * p.k * p.n;
    for (int64_t i = 0; i < p.m; ++i) {
      for (int64_t j = 0; j < p.n; ++j) {
        double s = 0;
        for (int64_t k = 0; k < p.k; ++k) {
          s += a[p.transpose_a ? k * p.m + i : i * p.k + k] *
               b[p.transpose_b ? j * p.k + k : k * p.n + j];
        }
        c.out.v[static_cast<size_t>((q * p.m + i) * p.n + j)] = s;
      }
    }
  }
}

}  // namespace

void add_product_ops(std::vector<Op>& table) {
  table.push_back(
      {.name = "matmul",
       .doc = "[.., m, k] x [.., k, n] -> [.., m, n]; operands f32 or bf16, result f32.",
       .in = {"a", "b"},
       .attrs = {{"transpose_a", AttrKind::integer}, {"transpose_b", AttrKind::integer}},
       .kind = Kind::general,
       .type = matmul_type,
       .grad = matmul_grad,
       .kernel = bind_matmul,
       .reference = matmul_reference,
       .domain = {.cases = {{{{5, 7}, {7, 3}}, flags(false, false), {}},
                            {{{7, 5}, {7, 3}}, flags(true, false), {}},
                            {{{5, 7}, {3, 7}}, flags(false, true), {}},
                            {{{7, 5}, {3, 7}}, flags(true, true), {}},
                            {{{2, 3, 4}, {2, 4, 5}}, flags(false, false), {}},
                            {{{1, 1}, {1, 1}}, flags(false, false), {}}},
                  .tolerance = 1e-5}});
}

}  // namespace ops

Expr matmul(Arg a, Arg b, bool transpose_a, bool transpose_b) {
  return ops::apply("matmul", {a, b}, ops::flags(transpose_a, transpose_b));
}

}  // namespace latent
