// The fields of a batch as feeds of a graph, and what fills them: the same for training, evaluation
// and a look at a trained model's loss.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "data/dataset.h"
#include "latent/models.h"
#include "latent/plan.h"

namespace latent {

/// The feed of row ids in a graph of n rows; those of other sizes have ids of their own.
std::string row_feed(int64_t n);

/// Declares the fields of a batch of n rows. A feed that the loss does not use costs nothing.
Batch declare_batch(Graph& g, int64_t n, int64_t inputs, const Dataset& data);

/// The labels of these rows, where the plan has a feed for them.
void feed_labels(Plan& plan, const Dataset& data, std::span<const int32_t> rows);

}  // namespace latent
