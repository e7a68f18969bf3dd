// Optimizers, written as graph operations, so that they fuse and plan with the step. Rates and bias
// corrections are computed on the host in double and enter as scalar feeds, so a schedule never
// recompiles.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "latent/graph.h"

namespace latent {

/// A rate: a number, or a function of the number of updates made so far.
class Rate {
 public:
  Rate(double value) : at_([value](int64_t) { return value; }) {}
  Rate(std::function<double(int64_t)> at) : at_(std::move(at)) {}
  double operator()(int64_t updates) const { return at_(updates); }

 private:
  std::function<double(int64_t)> at_;
};

/// w' = w - rate u, u' = momentum u + g (Polyak 1964; u = g without momentum).
struct Sgd {
  Rate rate = 1e-2;
  double momentum = 0;
};
/// Kingma and Ba 2015 (arXiv 1412.6980), algorithm 1; epsilon is added to the corrected root. With
/// decay > 0: AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101), w shrinks by rate * decay
/// beside the step.
struct Adam {
  Rate rate = 1e-3;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double decay = 0;
};
using Optimizer = std::variant<Sgd, Adam>;

/// One loss and the parameters that it moves: trainable slots whose name starts with prefix.
struct Objective {
  Expr loss;
  std::string prefix;
  Optimizer optimizer = Adam{};
  double clip_norm = 0;                  // bound of the gradients' common norm; 0: none
  std::string name = "optim";            // under which moments and counters are kept
  std::vector<std::string> frozen = {};  // scopes or slots under prefix that do not move
};

/// Assigns the updates of all objectives; one whose parameters are all frozen has none. UsageError
/// when an objective has no parameters, its loss does not reach one, or all are frozen in all.
LATENT_API void minimize(Graph& graph, const std::vector<Objective>& objectives);
/// One objective over every trainable slot.
LATENT_API void minimize(Graph& graph, Expr loss, const Optimizer& optimizer = Adam{},
                         double clip_norm = 0);

}  // namespace latent
