// What a report of a model of sounds lets one hear, and how near sounds come back.
#pragma once

#include "report/gather.h"

namespace latent::report {

/// Fills in heard, drawn and measures where the model's rows are sounds.
void add_sounds(RunReport& report, const Model& model, const Data& data, const GatherOptions& o);

}  // namespace latent::report
