// Model files: safetensors with the weights by name, and in the metadata what the model is. A
// checkpoint of a run is a model file with more in it: optimizer state, averages, where the run
// stands.
#pragma once

#include <map>
#include <string>

#include "data/safetensors.h"
#include "latent/models.h"
#include "latent/plan.h"
#include "train/preprocess.h"

namespace latent {

/// What a model file says besides the weights.
struct ModelDescription {
  std::string name;    // of the catalogue, or "custom"
  std::string config;  // JSON
  Preprocessing preprocessing;
};

/// Writes tensors with the description, and `more` metadata: as the entry "latent", the same text
/// for the same model, and blobs of the content as tensors "content/<name>" of bytes.
void save_model(const std::string& path, std::map<std::string, const Tensor*> tensors,
                const ModelDescription& d, const std::map<std::string, std::string>& more = {});
/// Takes the description and its tensors out of a file. DataError naming `path` for a file that is
/// no model or of another format.
ModelDescription take_description(SafetensorsFile& file, const std::string& path);

/// The functions of a described model of the catalogue; DataError when its config cannot be.
Architecture architecture_of(const ModelDescription& d, const std::string& path);

/// Scopes that hold what is not weights in a checkpoint: "optim", "average", "rollback".
bool is_training_state(const std::string& slot);
/// The weights in a model file or checkpoint; where a moving average was kept, that.
std::map<std::string, Tensor> take_weights(SafetensorsFile& file);

/// The file of a model: `path`, or in a run folder best.safetensors, else last.safetensors.
std::string model_path(const std::string& path);

}  // namespace latent
