// What a run folder or checkpoint knows of the run that made a model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "data/loader.h"
#include "latent/data.h"

namespace latent::cli {

struct RunInfo {
  std::string data;               // fingerprint of the data set, 16 hexadecimal digits
  double validation = 0;          // fraction of the rows held out; 0: none, or a file of its own
  uint64_t seed = 1;              // of the hold-out too
  int64_t epoch = 0, epochs = 0;  // done, and asked for
};

/// Of a run folder's last.safetensors, or of a checkpoint file; none for a model file alone.
/// BadModel when what it says cannot be read.
std::optional<RunInfo> run_info(const std::string& path);

/// How the run at `path` divided the rows of `data`; none where it is no run of these data.
std::optional<Split> split_of_run(const std::string& path, const Data& data);

}  // namespace latent::cli
