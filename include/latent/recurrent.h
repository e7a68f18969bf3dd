// Recurrent cells and their run over a sequence, by scan. A sequence is [length, n, values]: time
// comes first, so that one element of all rows lies together.
#pragma once

#include <string>
#include <vector>

#include "latent/ops.h"

namespace latent {

/// What a cell carries from one element to the next: h [n, units], and of an LSTM also c.
using CellState = std::vector<Expr>;

/// A gated cell with its parameters. A step is cut in two: `project` is the product with the input,
/// which does not wait for the state and so is done for all elements at once; `step` is the rest.
///
/// gru (Cho et al. 2014, arXiv 1406.1078, the reset gate after the product, as PyTorch and Keras):
///   r, u = sigmoid(x Wr + h Ur), sigmoid(x Wu + h Uu); c = tanh(x Wc + r (h Uc + b));
///   h' = u h + (1 - u) c
/// lstm (Hochreiter and Schmidhuber 1997; Gers et al. 2000):
///   i, f, g, o = sigmoid, sigmoid, tanh, sigmoid(x W + h U); c' = f c + i g; h' = o tanh(c')
///
/// Parameters, the gates side by side in the order above: path/weight [inputs, gates units]
/// (glorot_uniform of one gate), path/bias [gates units] (zero, but 1 for the gate f, after
/// Jozefowicz et al. 2015), path/state_weight [units, gates units] (orthogonal), and of a GRU
/// path/state_bias [units], b above.
class LATENT_API Cell {
 public:
  /// `kind` is gru or lstm; UsageError else. Scope `s` is used once.
  Cell(const Scope& s, const std::string& kind, int64_t inputs, int64_t units);

  int64_t units() const { return units_; }
  int64_t gates() const { return lstm_ ? 4 : 3; }
  /// [m, inputs] -> [m, gates units].
  Expr project(Arg x) const;
  /// project() of the rows of `table` [rows, inputs] at `index` [m] i32: of the table or of the
  /// gathered rows, whichever are fewer.
  Expr project_rows(Arg table, Arg index) const;
  /// The state before the first element whose h is given; c of an LSTM starts at 0.
  CellState start(Arg h) const;
  CellState start(Graph& g, int64_t n) const;  ///< h = 0.
  /// One element: projected [n, gates units].
  CellState step(Arg projected, const CellState& state) const;

 private:
  bool lstm_;
  int64_t units_;
  Expr weight_, bias_, state_weight_, state_bias_;
};

/// h of all elements, [length, n, units], and the state after the last.
struct Unrolled {
  Expr outputs;
  CellState last;
};
/// Runs a cell over projected [length, n, gates units]. Where mask [length, n, 1] is 0 the state
/// stays as it is: so padding after a row's end changes nothing.
LATENT_API Unrolled unroll(const Cell& cell, Arg projected, const CellState& first, Expr mask = {});

}  // namespace latent
