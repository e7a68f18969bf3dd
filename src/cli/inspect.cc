// latent inspect: what a model file says of itself, and its weights.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/help.h"
#include "cli/layers.h"
#include "cli/model_input.h"
#include "cli/output.h"
#include "cli/run_info.h"
#include "cli/verbs.h"
#include "data/safetensors.h"
#include "train/model_file.h"

namespace latent::cli {

namespace {

using nlohmann::json;

struct InspectFlags {
  std::string path;
  bool json = false;
};

/// Mean, root mean square and how many are not finite, of a weight's elements.
json statistics_of(const Tensor& t) {
  double sum = 0, squares = 0;
  int64_t not_finite = 0;
  for (const float v : t.span<float>()) {
    const auto x = static_cast<double>(v);
    if (!std::isfinite(x)) {
      ++not_finite;
      continue;
    }
    sum += x;
    squares += x * x;
  }
  const auto n = static_cast<double>(std::max<int64_t>(t.elements() - not_finite, 1));
  return {{"mean", sum / n}, {"rms", std::sqrt(squares / n)}, {"not_finite", not_finite}};
}

json describe(const std::string& path, SafetensorsFile& file, const ModelDescription& d,
              const Architecture& a) {
  const auto text = [&](const char* key) {
    const auto found = file.metadata.find(key);
    return found == file.metadata.end() ? "" : found->second;
  };
  json j = {{"file", path},
            {"bytes", std::filesystem::file_size(path)},
            {"data_hash", text("data_hash")},
            {"model", d.name},
            {"config", json::parse(d.config)},
            {"inputs", a.inputs},
            {"latent", a.latent},
            {"preprocessing", d.preprocessing.json()},
            {"layers", layers_json(a.layers)}};
  if (a.likelihood) j["likelihood"] = a.likelihood->name;
  j["parameters"] = json::array();
  int64_t total = 0;
  for (const auto& [name, t] : take_weights(file)) {
    json p = {{"name", name}, {"dtype", name_of(t.dtype())}, {"elements", t.elements()}};
    p["shape"] = std::vector<int64_t>(t.shape().begin(), t.shape().end());
    if (t.dtype() == DType::f32) p.update(statistics_of(t));
    total += t.elements();
    j["parameters"].push_back(std::move(p));
  }
  j["parameter_count"] = total;
  return j;
}

std::string scaling_text(const json& p) {
  const auto scale = p.at("scale").get<std::vector<double>>(),
             shift = p.at("shift").get<std::vector<double>>();
  const std::string kind = p.at("scaling");
  if (scale.size() == 1)
    return fmt::format("{}: input = value * {:g} + {:g}", kind, scale[0], shift[0] + 0.0);
  return fmt::format("{}: input = value * scale + shift, a pair for each of {} values", kind,
                     scale.size());
}

void print(const json& j, const std::vector<LayerInfo>& layers) {
  const auto line = [](const char* what, const std::string& text) {
    tell(fmt::format("{:<12}  {}\n", what, text));
  };
  line("file", fmt::format("{}, {} bytes, data section {}", j.at("file").get<std::string>(),
                           j.at("bytes").get<int64_t>(), j.at("data_hash").get<std::string>()));
  line("model", fmt::format("{}: {} inputs, {} units", j.at("model").get<std::string>(),
                            j.at("inputs").get<int64_t>(), j.at("latent").get<int64_t>()));
  line("config", j.at("config").dump());
  line("rows", Shape(j.at("preprocessing").at("row_shape").get<std::vector<int64_t>>()).text());
  line("scaling", scaling_text(j.at("preprocessing")));
  if (j.contains("run")) {
    line("run", fmt::format("{} of {} epochs done, on data {}",
                            j.at("run").at("epochs_done").get<int64_t>(),
                            j.at("run").at("epochs").get<int64_t>(),
                            j.at("run").at("data").get<std::string>()));
  }
  tell("\n");
  print_layers(layers);
  size_t width = 9;
  for (const json& p : j.at("parameters"))
    width = std::max(width, p.at("name").get_ref<const std::string&>().size());
  tell(fmt::format("\n{:<{}}  {:>12}  {:>9}  {:>9}  {:>9}\n", "parameter", width, "shape",
                   "elements", "mean", "rms"));
  for (const json& p : j.at("parameters")) {
    std::string row = fmt::format("{:<{}}  {:>12}  {:>9}", p.at("name").get<std::string>(), width,
                                  Shape(p.at("shape").get<std::vector<int64_t>>()).text(),
                                  p.at("elements").get<int64_t>());
    if (p.contains("rms"))
      row += fmt::format("  {:>9.2g}  {:>9.2g}", p.at("mean").get<double>(),
                         p.at("rms").get<double>());
    if (p.value("not_finite", 0) > 0)
      row += fmt::format("  {} not finite", p.at("not_finite").get<int64_t>());
    tell(row + "\n");
  }
  tell(fmt::format("{:<{}}  {:>12}  {:>9}\n", "all", width, "",
                   j.at("parameter_count").get<int64_t>()));
}

int run(const InspectFlags& flags) {
  const std::string path = model_file(flags.path);
  json j;
  std::vector<LayerInfo> layers;
  try {
    SafetensorsFile file = load_safetensors(path);
    const ModelDescription d = take_description(file, path);
    const Architecture a = architecture_of(d, path);
    layers = a.layers;
    j = describe(path, file, d, a);
    if (const auto r = run_info(flags.path)) {
      j["run"] = {{"data", r->data},
                  {"seed", r->seed},
                  {"epochs", r->epochs},
                  {"epochs_done", r->epoch},
                  {"validation", r->validation}};
    }
  } catch (const DataError& e) {
    throw BadModel(e.what());
  }
  if (flags.json)
    print_json(j);
  else
    print(j, layers);
  return 0;
}

}  // namespace

Action add_inspect(Flags& flags) {
  auto asked = std::make_shared<InspectFlags>();
  flags.argument("MODEL", asked->path, "run folder or model file", true);
  flags.add("--json", asked->json, "as JSON");
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
