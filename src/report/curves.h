// The curves of a run from its metrics.
#pragma once

#include <vector>

#include "report/svg.h"
#include "train/metrics.h"

namespace latent::report {

/// A chart for each part of the loss by epoch, of the rows trained on and of those held out, "loss"
/// first; one that is the loss itself is left out. Where rows were held out and the model has a
/// code, two more: the units in use, and the KL divergence of each unit (the variance, of an
/// autoencoder), the ten units highest at the end where there are more.
std::vector<LineChart> curves_of(const Metrics& metrics);

}  // namespace latent::report
