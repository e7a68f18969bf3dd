// The trials of `latent tune`: the settings that a request stands for, one trained and measured,
// and the file that remembers.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/train_config.h"

namespace latent::cli {

/// Values of the keys that vary, as texts of the command line.
using Setting = std::map<std::string, std::string>;

/// Every combination of the values that `request` lists: a comma between values, a slash for keys
/// whose values are lists (hidden 200/400,200). The listed keys are taken out of the request.
/// UsageError for keys whose values give losses that do not compare, as likelihood or the size of
/// pictures.
std::vector<Setting> settings_of(TrainRequest& request);

/// The request with a setting's values.
TrainRequest with(const TrainRequest& request, const Setting& setting);

/// What training one setting in full is, on data that have been `opened` or not yet. UsageError for
/// a schedule that depends on the number of epochs, on which halving cannot go on, and for a model
/// that has no loss to compare.
TrainPlan first_plan(const TrainRequest& request, const Setting& setting,
                     const std::optional<Data>& opened = {});

/// Trains in `folder` to `epochs`, from where it stands, with the seed of the request plus `seed`;
/// gives the mean negative ELBO of the held-out rows at beta = 1, of an autoencoder the
/// reconstruction's loss. Infinite where training diverged; none when a signal stopped it.
std::optional<double> train_trial(const TrainRequest& request, const Setting& setting, int64_t seed,
                                  int64_t epochs, const std::string& folder, int threads,
                                  const Data& data);

/// tune.json of a folder: results so far, by trial and epochs.
class TrialJournal {
 public:
  /// UsageError when the folder holds another tuning; DataError when its file is damaged.
  TrialJournal(const std::string& folder, nlohmann::json identity);

  std::optional<double> result(const std::string& trial, int64_t epochs) const;
  void add(const std::string& trial, int64_t epochs, double loss);

 private:
  std::string path_;
  nlohmann::json all_;  // {tuning: identity, results: {"001-1": {"22": loss}}}
};

}  // namespace latent::cli
