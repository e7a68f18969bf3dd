// The flags that say what to train, shared by `latent train` and `latent plan`: one a key of the
// catalogue and of the training options.
#pragma once

#include "cli/train_config.h"

namespace CLI {
class App;
}

namespace latent::cli {

/// Adds DATA, --config, --set and a flag a key; what is given ends up in `request`.
void add_request_flags(CLI::App& app, TrainRequest& request);

}  // namespace latent::cli
