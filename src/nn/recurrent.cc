// GRU and LSTM cells and their scan over time; see latent/recurrent.h.
#include "latent/recurrent.h"

#include <vector>

#include "base/near.h"
#include "latent/nn.h"

namespace latent {

namespace {

/// Zero, but 1 for the second of `gates` gates of `units` each.
Init forget_bias(int64_t units) {
  return {"forget_bias", [units](Tensor& t, uint64_t, uint64_t) {
            const auto v = t.span<float>();
            for (size_t i = 0; i < v.size(); ++i)
              v[i] = static_cast<int64_t>(i) / units == 1 ? 1.0f : 0.0f;
          }};
}

}  // namespace

Cell::Cell(const Scope& s, const std::string& kind, int64_t inputs, int64_t units)
    : lstm_(kind == "lstm"), units_(units) {
  At at(s.where());
  if (kind != "gru" && kind != "lstm") {
    throw UsageError(
        "a cell is gru or lstm, asked for \"" + kind + "\"" + did_you_mean(kind, {"gru", "lstm"}),
        s.where());
  }
  if (inputs < 1 || units < 1)
    throw UsageError("a cell needs at least one input and one unit", s.where());
  const int64_t width = gates() * units;
  weight_ = s.param("weight", {inputs, width}, glorot_uniform(inputs, units));
  bias_ = s.param("bias", {width}, lstm_ ? forget_bias(units) : zeros());
  state_weight_ = s.param("state_weight", {units, width}, orthogonal());
  if (!lstm_) state_bias_ = s.param("state_bias", {units}, zeros());
}

Expr Cell::project(Arg x) const {
  At at(x.where());
  return matmul(x, weight_) + bias_;
}

Expr Cell::project_rows(Arg table, Arg index) const {
  At at(table.where());
  const bool table_first = table.expr().dim(0) <= index.expr().dim(0);
  return table_first ? gather(project(table), index) : project(gather(table, index));
}

CellState Cell::start(Arg h) const {
  At at(h.where());
  CellState state{h.expr()};
  if (lstm_) state.push_back(h.expr() * 0);
  return state;
}

CellState Cell::start(Graph& g, int64_t n) const {
  const Expr zero = zeros(g, {n, units_});
  return lstm_ ? CellState{zero, zero} : CellState{zero};
}

CellState Cell::step(Arg projected, const CellState& state) const {
  At at(projected.where());
  const Expr h = state[0], product = matmul(h, state_weight_);
  const std::vector<Expr> x = split(projected, static_cast<int>(gates())),
                          u = split(product, static_cast<int>(gates()));
  if (lstm_) {
    const Expr c = sigmoid(x[1] + u[1]) * state[1] + sigmoid(x[0] + u[0]) * tanh(x[2] + u[2]);
    return {sigmoid(x[3] + u[3]) * tanh(c), c};
  }
  const Expr reset = sigmoid(x[0] + u[0]), update = sigmoid(x[1] + u[1]);
  const Expr candidate = tanh(x[2] + reset * (u[2] + state_bias_));
  return {candidate + update * (h - candidate)};
}

Unrolled unroll(const Cell& cell, Arg projected, const CellState& first, Expr mask) {
  At at(projected.where());
  const Expr x = projected.expr();
  if (x.shape().rank() != 3 || x.dim(2) != cell.gates() * cell.units()) {
    throw UsageError("unroll: needs projected inputs [length, n, " +
                         std::to_string(cell.gates() * cell.units()) + "], found " +
                         x.shape().text(),
                     projected.where());
  }
  std::vector<Expr> inputs{x};
  if (mask.valid()) inputs.push_back(mask);
  const ScanResult r = scan(
      x.graph(), x.dim(0), first, inputs,
      [&](const ScanStep& s) -> ScanYield {
        CellState next = cell.step(s.inputs[0], s.carries);
        if (mask.valid()) {
          for (size_t i = 0; i < next.size(); ++i)
            next[i] = where(s.inputs[1], next[i], s.carries[i]);
        }
        const Expr h = next[0];
        return {std::move(next), {h}};
      },
      projected.where());
  return {r.outputs[0], r.carries};
}

}  // namespace latent
