// Files of a run; see run_folder.h.
#include "train/run_folder.h"

#include <filesystem>

#include "base/file.h"
#include "base/hash.h"
#include "data/dataset.h"
#include "train/config_file.h"
#include "train/machine.h"
#include "train/options.h"

namespace latent {

using nlohmann::json;

json run_identity(const Architecture& a, const Data& data, const TrainOptions& o) {
  json id = {{"data", hex64(data.dataset().fingerprint())},
             {"model", a.name},
             {"config", json::parse(a.config)},
             {"train", config_to_json(train_fields(), o)}};
  id["train"]["validation"] = o.validation_data
                                  ? json(hex64(o.validation_data->dataset().fingerprint()))
                                  : json(o.validation);
  if (!o.init.empty()) {
    const SafetensorsFile file = load_safetensors(model_path(o.init));
    const auto hash = file.metadata.find("data_hash");
    id["train"]["init"] = hash == file.metadata.end() ? "" : hash->second;
  }
  return id;
}

std::string default_run_folder(const Architecture& a, const Data& data, const TrainOptions& o) {
  json id = run_identity(a, data, o);
  if (!depends_on_total(o)) id["train"].erase("epochs");
  const std::string hash = hex64(hash_bytes(bytes_of(id.dump())));
  return "runs/" + data.name() + "-" + a.name + "-" + hash.substr(0, 8);
}

RunFolder::RunFolder(std::string path, json identity, ModelDescription description, bool extendable)
    : path_(std::move(path)),
      identity_(std::move(identity)),
      description_(std::move(description)),
      extendable_(extendable) {}

void RunFolder::check_same_run(const json& found) const {
  std::string differences;
  const auto compare = [&](const json& there, const json& here, const std::string& prefix) {
    json keys = there;
    keys.update(here);
    for (const auto& [key, value] : keys.items()) {
      const json was = there.value(key, json()), is = here.value(key, json());
      if (was == is || (was.is_object() && is.is_object())) continue;
      if (prefix + key == "epochs" && extendable_ && is > was) continue;
      differences += (differences.empty() ? "" : ", ") + prefix + key + " is " + was.dump() +
                     " there, " + is.dump() + " here";
    }
  };
  compare(found, identity_, "");
  for (const char* part : {"train", "config"})
    compare(found.value(part, json::object()), identity_.at(part), "");
  if (differences.empty()) return;
  throw UsageError(path_ + " holds another run: " + differences +
                   "; give another --out, or remove the folder");
}

std::optional<Checkpoint> RunFolder::read() const {
  const std::string path = path_ + "/last.safetensors";
  if (!std::filesystem::exists(path)) return std::nullopt;
  Checkpoint c{.file = load_safetensors(path)};
  take_description(c.file, path);
  const auto run = c.file.metadata.find("run"), state = c.file.metadata.find("state");
  if (run == c.file.metadata.end() || state == c.file.metadata.end())
    throw DataError("a model file, but not the checkpoint of a run", path);
  try {
    check_same_run(json::parse(run->second));
    const json s = json::parse(state->second);
    c.state = TrainState::from_json(s.at("state"), path);
    c.counters = s.at("counters").get<std::map<std::string, int64_t>>();
    c.rollback_counters = s.at("rollback_counters").get<std::map<std::string, int64_t>>();
  } catch (const json::exception& e) {
    throw DataError(std::string("the state of the run cannot be read: ") + e.what(), path);
  }
  if (c.state.metrics > 0) {
    const std::string metrics = path_ + "/metrics.jsonl";
    c.metrics = Metrics::parse(read_file(metrics), c.state.metrics, metrics);
  }
  return c;
}

std::string RunFolder::other_machine() const {
  const std::string path = path_ + "/machine.txt", here = machine_line();
  if (!std::filesystem::exists(path)) return "";
  std::string there = read_file(path, 4096);
  while (there.ends_with('\n')) there.pop_back();
  if (there == here) return "";
  return "the run began with another build or CPU (" + there + "; here " + here +
         "): the last bits of its result may differ";
}

void RunFolder::begin() {
  make_folder(path_);
  remove_leftovers(path_);
  write_file_atomic(path_ + "/config.toml", identity_toml(identity_));
  const std::string machine = path_ + "/machine.txt";
  if (!std::filesystem::exists(machine)) write_file_atomic(machine, machine_line() + "\n");
}

void RunFolder::write_best(const std::map<std::string, const Tensor*>& weights) const {
  save_model(path_ + "/best.safetensors", weights, description_);
}

void RunFolder::write_checkpoint(const std::map<std::string, const Tensor*>& tensors,
                                 const TrainState& state,
                                 const std::map<std::string, int64_t>& counters,
                                 const std::map<std::string, int64_t>& rollback_counters,
                                 const Metrics& metrics) const {
  write_file_atomic(path_ + "/metrics.jsonl", metrics.jsonl());
  write_file_atomic(path_ + "/metrics.csv", metrics.csv());
  const json s = {
      {"state", state.json()}, {"counters", counters}, {"rollback_counters", rollback_counters}};
  save_model(path_ + "/last.safetensors", tensors, description_,
             {{"run", identity_.dump()}, {"state", s.dump()}});
}

}  // namespace latent
