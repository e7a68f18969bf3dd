// The description in a model file, and what of a file are weights; see model_file.h.
#include "train/model_file.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "models/catalog.h"

namespace latent {

namespace {
constexpr int kFormat = 1;
constexpr std::string_view kAverage = "average/", kContent = "content/";

std::string to_text(const ModelDescription& d) {
  return nlohmann::json{{"format", kFormat},
                        {"model", d.name},
                        {"config", nlohmann::json::parse(d.config)},
                        {"preprocessing", d.preprocessing.json()}}
      .dump();
}

std::map<std::string, std::string> take_blobs(SafetensorsFile& file, const std::string& path) {
  std::map<std::string, std::string> blobs;
  for (auto at = file.tensors.begin(); at != file.tensors.end();) {
    const auto& [name, t] = *at;
    if (!name.starts_with(kContent)) {
      ++at;
      continue;
    }
    if (t.dtype() != DType::u8)
      throw DataError("the tensor \"" + name + "\" is not of bytes", path);
    const auto bytes = t.span<uint8_t>();
    blobs[name.substr(kContent.size())] = std::string(bytes.begin(), bytes.end());
    at = file.tensors.erase(at);
  }
  return blobs;
}
}  // namespace

void save_model(const std::string& path, std::map<std::string, const Tensor*> tensors,
                const ModelDescription& d, const std::map<std::string, std::string>& more) {
  std::map<std::string, Tensor> blobs;
  for (const auto& [name, bytes] : d.preprocessing.content.blobs) {
    Tensor t({std::ssize(bytes)}, DType::u8);
    std::ranges::copy(bytes_of(bytes), t.as_bytes().begin());
    const std::string key = std::string(kContent) + name;
    tensors[key] = &blobs.emplace(key, std::move(t)).first->second;
  }
  std::map<std::string, std::string> metadata = more;
  metadata["latent"] = to_text(d);
  save_safetensors(path, tensors, metadata);
}

ModelDescription take_description(SafetensorsFile& file, const std::string& path) {
  const auto found = file.metadata.find("latent");
  if (found == file.metadata.end())
    throw DataError("a safetensors file, but not of a model that latent wrote", path);
  try {
    const auto j = nlohmann::json::parse(found->second);
    if (j.at("format") != kFormat) {
      throw DataError("a model of format " + j.at("format").dump() +
                          "; this program reads format " + std::to_string(kFormat),
                      path);
    }
    ModelDescription d{j.at("model").get<std::string>(), j.at("config").dump(),
                       Preprocessing::from_json(j.at("preprocessing"), path)};
    d.preprocessing.content.blobs = take_blobs(file, path);
    return d;
  } catch (const nlohmann::json::exception& e) {
    throw DataError(std::string("the model's description cannot be read: ") + e.what(), path);
  }
}

Architecture architecture_of(const ModelDescription& d, const std::string& path) {
  try {
    return catalog_entry(d.name).make(nlohmann::json::parse(d.config), d.preprocessing.inputs());
  } catch (const UsageError& e) {
    throw DataError(std::string("the model's config cannot be used: ") + e.what() +
                        (d.name == "custom" ? "; load it with the architecture that it was trained "
                                              "with"
                                            : ""),
                    path);
  }
}

bool is_training_state(const std::string& slot) {
  return slot.starts_with("optim/") || slot.starts_with(kAverage) || slot.starts_with("rollback/");
}

std::map<std::string, Tensor> take_weights(SafetensorsFile& file) {
  std::map<std::string, Tensor> weights;
  for (auto& [name, t] : file.tensors) {
    if (name.starts_with(kAverage))
      weights.insert_or_assign(name.substr(kAverage.size()), std::move(t));
  }
  for (auto& [name, t] : file.tensors) {
    if (!is_training_state(name)) weights.try_emplace(name, std::move(t));
  }
  return weights;
}

std::string model_path(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return path;
  const std::string best = path + "/best.safetensors";
  return std::filesystem::exists(best, error) ? best : path + "/last.safetensors";
}

}  // namespace latent
