// Layers and activations; see latent/nn.h.
#include <map>
#include <vector>

#include "base/near.h"
#include "ir/program.h"
#include "latent/nn.h"
#include "latent/ops.h"

namespace latent {

Expr dense(const Scope& s, Arg x, int64_t units, const DenseOptions& options) {
  At at(s.where().line ? s.where() : x.where());
  if (x.expr().shape().rank() != 2)
    throw UsageError("dense: needs x [n, inputs], found " + x.expr().shape().text(), s.where());
  if (units < 1) throw UsageError("dense: needs at least one unit", s.where());
  const int64_t inputs = x.expr().dim(1);
  const Expr y = matmul(x, s.param("weight", {inputs, units},
                                   options.weight.value_or(glorot_uniform(inputs, units))));
  return options.bias ? y + s.param("bias", {units}, zeros()) : y;
}

std::pair<Expr, Expr> dense_pair(const Scope& a, const Scope& b, Arg x, int64_t units) {
  At at(a.where().line ? a.where() : x.where());
  if (x.expr().shape().rank() != 2)
    throw UsageError("dense_pair: needs x [n, inputs], found " + x.expr().shape().text(),
                     a.where());
  if (units < 1) throw UsageError("dense_pair: needs at least one unit", a.where());
  const int64_t inputs = x.expr().dim(1);
  const auto weight = [&](const Scope& s) {
    return s.param("weight", {inputs, units}, glorot_uniform(inputs, units));
  };
  const std::vector<Expr> y = split(matmul(x, concat({weight(a), weight(b)}, 1)), 2);
  return {y[0] + a.param("bias", {units}, zeros()), y[1] + b.param("bias", {units}, zeros())};
}

Expr leaky_relu(Arg x, double slope) {
  At at(x.where());
  return where(step(x), x, x * slope);
}
Expr elu(Arg x, double alpha) {
  At at(x.where());
  return where(step(x), x, alpha * expm1(min(x, 0)));
}
Expr gelu(Arg x) {
  At at(x.where());
  return x * (0.5 * (1 + erf(x * 0.7071067811865476)));
}
Expr silu(Arg x) {
  At at(x.where());
  return x * sigmoid(x);
}

Expr activate(const std::string& name, Arg x) {
  static const std::map<std::string, Expr (*)(Arg)> table = {
      {"none", [](Arg a) { return a.expr(); }},
      {"relu", [](Arg a) { return relu(a); }},
      {"leaky_relu", [](Arg a) { return leaky_relu(a); }},
      {"elu", [](Arg a) { return elu(a); }},
      {"gelu", [](Arg a) { return gelu(a); }},
      {"silu", [](Arg a) { return silu(a); }},
      {"softplus", [](Arg a) { return softplus(a); }},
      {"tanh", [](Arg a) { return tanh(a); }},
      {"sigmoid", [](Arg a) { return sigmoid(a); }},
      {"softmax", [](Arg a) { return softmax(a); }},
  };
  const auto found = table.find(name);
  if (found != table.end()) return found->second(x);
  std::vector<std::string> names;
  for (const auto& [n, f] : table) names.push_back(n);
  throw UsageError("no activation is called \"" + name + "\"" + did_you_mean(name, names),
                   x.where());
}

Expr zeros(Graph& g, Shape shape) { return broadcast_to(ir::expr_in(g, 0.0), shape); }

Expr dropout(const Scope& s, Arg x, double rate) {
  At at(x.where());
  if (!(rate >= 0 && rate < 1))
    throw UsageError("dropout: the rate must be in [0, 1), found " + std::to_string(rate),
                     x.where());
  if (!s.training() || rate == 0) return x.expr();
  const Expr keep = greater_equal(uniform(s, x.expr().shape()), rate);
  return x * (keep * (1 / (1 - rate)));
}

}  // namespace latent
