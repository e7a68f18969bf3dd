// The options of training that decide its result, as config fields: flags, --set, TOML files, the
// identity of a run and config.toml come from here. What changes no bit is not among them.
#pragma once

#include "config/config.h"
#include "latent/train.h"

namespace latent {

const std::vector<BoundField<TrainOptions>>& train_fields();

/// UsageError for values out of range, words that are not known, a batch larger than the data.
void check_options(const TrainOptions& options, int64_t rows);

/// Rows of the data that are trained on: all but those held out, in ascending order.
std::vector<int32_t> trained_rows(const Data& data, const TrainOptions& options);
/// UsageError when the model, the data and the options do not fit together.
void check_request(const Architecture& model, const Data& data, const TrainOptions& options);

/// Whether a schedule depends on the number of epochs, so that a run cannot go on for more.
bool depends_on_total(const TrainOptions& options);

}  // namespace latent
