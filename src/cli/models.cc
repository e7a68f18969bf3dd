// latent models: the catalogue, with the keys of each model.
#include <fmt/format.h>

#include <memory>

#include "cli/help.h"
#include "cli/layers.h"
#include "cli/output.h"
#include "cli/train_config.h"
#include "cli/verbs.h"
#include "models/catalog.h"

namespace latent::cli {

namespace {

struct ModelsFlags {
  std::string name;
  bool json = false;
};

/// The presets that can be a model's encoder and decoder, each as it is for a picture 28 x 28 of
/// one channel.
nlohmann::json presets_json(const CatalogEntry& model) {
  nlohmann::json presets = nlohmann::json::array();
  for (const StackPreset& p : stack_presets()) {
    Architecture a;
    try {
      a = model.make({{"encoder", p.name}, {"picture", {28, 28}}}, 784);
    } catch (const UsageError&) {
      continue;  // as a model whose code is a picture, of encoders that end in none
    }
    const auto config = nlohmann::json::parse(a.config);
    presets.push_back({{"name", p.name},
                       {"doc", p.doc},
                       {"width", p.width},
                       {"depth", p.depth},
                       {"encoder", config.at("encoder")},
                       {"decoder", config.at("decoder")},
                       {"layers", layers_json(a.layers)}});
  }
  return presets;
}

/// Whether `latent train` fits the key to the data where it is not given.
bool fits(const std::string& model, const std::string& key) {
  return fitted_defaults().contains(key) && !model.starts_with("text_");
}

int run(const ModelsFlags& flags) {
  nlohmann::json models = catalog_json();
  for (auto& m : models) {
    for (auto& key : m.at("config")) key["fitted"] = fits(m.at("name"), key.at("name"));
  }
  if (!flags.name.empty()) {
    catalog_entry(flags.name);  // a name that there is not
    std::erase_if(models.get_ref<nlohmann::json::array_t&>(),
                  [&](const auto& m) { return m.at("name") != flags.name; });
  }
  if (flags.json) {
    for (auto& m : models) {
      const CatalogEntry& entry = catalog_entry(m.at("name"));
      const bool stacks = std::ranges::count(entry.fields, "encoder", &ConfigField::name) > 0;
      m["presets"] = stacks ? presets_json(entry) : nlohmann::json::array();
    }
    print_json(models);
    return 0;
  }
  const int width = terminal_width();
  bool first = true;
  for (const auto& m : models) {
    fmt::print("{}{}", first ? "" : "\n",
               paragraph(fmt::format("{}: {}{}", m.at("name").get<std::string>(),
                                     m.at("doc").get<std::string>(),
                                     m.at("samples") ? "; can be sampled from" : ""),
                         width));
    first = false;
    for (const auto& key : m.at("config")) {
      std::string text = key.at("help");
      if (key.contains("choices")) {
        auto choices = key.at("choices").get<std::vector<std::string>>();
        std::erase(choices, "");
        text += fmt::format(" [{}]", fmt::join(choices, ", "));
      }
      const auto& value = key.at("default");
      const std::string initial = value.is_string() ? value.get<std::string>() : value.dump();
      if (!initial.empty()) text += fmt::format(" (default: {})", initial);
      if (key.at("fitted")) text += "; latent train fits it to the data";
      fmt::print("{}", entry(key.at("name"), text, 19, width));
    }
  }
  fmt::print("\n{}", paragraph("presets of encoder and decoder", width));
  for (const StackPreset& p : stack_presets()) fmt::print("{}", entry(p.name, p.doc, 19, width));
  return 0;
}

}  // namespace

Action add_models(Flags& flags) {
  auto asked = std::make_shared<ModelsFlags>();
  flags.argument("MODEL", asked->name, "one of them; all when left out", false);
  flags.add("--json", asked->json, "as JSON");
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
