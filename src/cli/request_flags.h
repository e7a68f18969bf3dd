// The flags that say what to train, shared by `latent train` and `latent plan`: one a key of the
// catalogue and of the training options.
#pragma once

#include "cli/flags.h"
#include "cli/train_config.h"

namespace latent::cli {

/// Adds DATA, --config, --set and a flag a key; what is given ends up in `request`.
void add_request_flags(Flags& flags, TrainRequest& request);

}  // namespace latent::cli
