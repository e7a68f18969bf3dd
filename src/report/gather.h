// What a trained model shows of itself for a report: pictures, traversals, the map of its codes,
// errors of columns. Bounded whatever the data: a few hundred rows decoded, at most 5,000 encoded.
#pragma once

#include <cstdint>
#include <span>

#include "latent/data.h"
#include "latent/model.h"
#include "measure/statistics.h"
#include "report/report.h"

namespace latent::report {

struct GatherOptions {
  std::vector<int32_t> shown;  // rows to reconstruct and interpolate: those held out, where any are
  bool has_prior = false;      // draws of N(0, I) are codes
  bool samples = false;        // it can be sampled from
  bool has_posterior = false;  // units have a KL divergence
  uint64_t seed = 1;
  int64_t encoded = 5000;  // rows at most for the map and the errors of columns
  std::vector<measure::UnitStatistics> units;
};

/// Fills in reconstructions, samples, units, traversal or effects, interpolation, columns and map.
/// The same model and data give the same report.
void add_model(RunReport& report, const Model& model, const Data& data, const GatherOptions& o);

}  // namespace latent::report
