// See run_info.h.
#include "cli/run_info.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "cli/model_input.h"
#include "data/dataset.h"
#include "data/safetensors.h"

namespace latent::cli {

namespace {

std::optional<RunInfo> parse(const SafetensorsFile& checkpoint, const std::string& file) {
  const auto run = checkpoint.metadata.find("run"), state = checkpoint.metadata.find("state");
  if (run == checkpoint.metadata.end() || state == checkpoint.metadata.end()) return std::nullopt;
  try {
    const auto identity = nlohmann::json::parse(run->second),
               at = nlohmann::json::parse(state->second);
    const nlohmann::json& train = identity.at("train");
    RunInfo info{.data = identity.at("data").get<std::string>(),
                 .seed = train.at("seed").get<uint64_t>(),
                 .epoch = at.at("state").at("epoch").get<int64_t>(),
                 .epochs = train.at("epochs").get<int64_t>()};
    if (train.at("validation").is_number()) info.validation = train.at("validation").get<double>();
    return info;
  } catch (const nlohmann::json::exception& e) {
    throw DataError(std::string("the state of the run cannot be read: ") + e.what(), file);
  }
}

}  // namespace

std::optional<RunInfo> run_info(const std::string& path) {
  std::error_code error;
  const bool folder = std::filesystem::is_directory(path, error);
  const std::string file = folder ? path + "/last.safetensors" : path;
  if (!std::filesystem::exists(file, error)) return std::nullopt;
  try {
    return parse(load_safetensors(file), file);
  } catch (const DataError& e) {
    throw BadModel(e.what());
  }
}

std::optional<Split> split_of_run(const std::string& path, const Data& data) {
  const std::optional<RunInfo> run = run_info(path);
  if (!run || run->data != hex64(data.dataset().fingerprint())) return std::nullopt;
  return split(data.size(), run->validation, run->seed);
}

}  // namespace latent::cli
