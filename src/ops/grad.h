// Reverse mode on the nodes of one graph: what `grad` and the gradient of a scan's body share.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "ir/program.h"

namespace latent::ops {

/// Cotangents of the nodes xs, given those of the seeds; empty where none flows.
std::vector<Expr> backward(Graph& g, const std::vector<std::pair<ir::NodeId, Expr>>& seeds,
                           const std::vector<ir::NodeId>& xs, Where where);

/// Cotangents of a scan's operands from those of its outputs (by index); empty where not needed or
/// none flows.
std::vector<Expr> scan_grad(Graph& g, ir::NodeId scan, const std::map<size_t, Expr>& outputs,
                            const std::vector<bool>& needs);

}  // namespace latent::ops
