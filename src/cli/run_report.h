// What `latent train` leaves at its end: report.html, the pictures beside it, and summary.json, the
// numbers that `latent compare` reads.
#pragma once

#include <string>

#include "cli/evaluation.h"
#include "cli/train_config.h"

namespace latent::cli {

struct FinishedRun {
  const TrainRequest& request;
  const TrainPlan& plan;
  const Model& model;
  Forecast forecast;  // zeros where it is not known
};

/// Measures the model on at most 5,000 held-out rows (of those trained on without any), writes, and
/// gives the names of the files. The findings are those of the evaluation.
std::string write_run_report(const FinishedRun& run, std::vector<Finding>& findings);

}  // namespace latent::cli
