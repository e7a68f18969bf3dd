// What `latent train` leaves at its end: report.html, the pictures beside it, and summary.json, the
// numbers that `latent compare` reads. A run that was stopped leaves the page too, which then says
// so and how to go on, but no summary.
#pragma once

#include <string>

#include "cli/evaluation.h"
#include "cli/train_config.h"

namespace latent::cli {

struct EndedRun {
  const TrainRequest& request;
  const TrainPlan& plan;
  const Model& model;
  Forecast forecast;    // zeros where it is not known
  std::string stopped;  // by what, as "by a signal"; empty of a finished run
  int signal = 0;       // that stopped it
};

/// Measures the model on at most 5,000 held-out rows (of those trained on without any; 500 of a run
/// that was stopped, whose user waits), writes, and gives the names of the files. The findings are
/// those of the evaluation. Nothing is written before all is measured and drawn: until then a
/// signal other than the run's ends the process, which says the command that makes the report.
std::string write_run_report(const EndedRun& run, std::vector<Finding>& findings);
/// Whether the folder holds the report of the whole of the finished run that it holds.
bool has_report(const std::string& folder);

}  // namespace latent::cli
