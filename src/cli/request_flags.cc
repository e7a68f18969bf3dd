// Flags of a request to train; see request_flags.h.
#include "cli/request_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cli/model_input.h"
#include "data/content.h"
#include "models/catalog.h"

namespace latent::cli {

namespace {

std::string flag_of(const std::string& key) {
  std::string flag = "--" + key;
  std::ranges::replace(flag, '_', '-');
  return flag;
}

std::string kind_of(const ConfigField& f) {
  using Kind = ConfigField::Kind;
  switch (f.kind) {
    case Kind::integer:
      return "N";
    case Kind::number:
      return "X";
    case Kind::flag:
      return "BOOL";
    case Kind::word:
      return "WORD";
    case Kind::integers:
      return "N,..";
    case Kind::words:
      return "WORD,..";
  }
  return "";
}

std::string help_of(const ConfigField& f) {
  return f.choices.empty() ? f.help : fmt::format("{} [{}]", f.help, fmt::join(f.choices, ", "));
}

/// Of a key as it would be written on the command line.
std::string default_of(const ConfigField& f) {
  const auto fitted = fitted_defaults().find(f.name);
  if (fitted != fitted_defaults().end()) return fitted->second;
  if (f.initial == "" || f.initial == nlohmann::json::array()) return "none";
  if (f.initial.is_string()) return f.initial.get<std::string>();
  if (f.initial.is_number_float()) return fmt::format("{:g}", f.initial.get<double>());
  if (!f.initial.is_array()) return f.initial.dump();
  std::vector<std::string> parts;
  for (const auto& v : f.initial) parts.push_back(v.is_string() ? v.get<std::string>() : v.dump());
  return fmt::format("{}", fmt::join(parts, ","));
}

/// `text_of` the key, and behind it what differs of other models that have a key of this name:
/// "0.1; adversarial_autoencoder: 1".
std::string by_model(const ConfigField& key, std::string (*text_of)(const ConfigField&)) {
  const std::string first = text_of(key);
  std::vector<std::pair<std::string, std::string>> others;  // models, and their text
  for (const CatalogEntry& model : catalog()) {
    const auto f = std::ranges::find(model.fields, key.name, &ConfigField::name);
    if (f == model.fields.end() || text_of(*f) == first) continue;
    const std::string text = text_of(*f);
    const auto known =
        std::ranges::find(others, text, &std::pair<std::string, std::string>::second);
    if (known == others.end())
      others.emplace_back(model.name, text);
    else
      known->first += ", " + model.name;
  }
  std::string all = first;
  for (const auto& [models, text] : others) all += fmt::format("; {}: {}", models, text);
  return all;
}

}  // namespace

void add_request_flags(Flags& flags, TrainRequest& r) {
  const auto key = [&](const std::string& name, const std::string& kind, const std::string& help,
                       const std::string& initial) {
    flags.add(flag_of(name), kind, help, initial,
              [&r, name](const std::string& text) { r.flags[name] = text; });
  };
  flags.argument("DATA", r.data, data_help(), false);
  key("model", "MODEL", "what to train; latent models lists them", "vae; text_vae for text");
  flags.add("--config", "FILE", r.config_file,
            "TOML file of keys, which are the flags with _ for -");
  flags.add("--set", "KEY=VALUE", r.sets, "any key; wins over --config");
  key("validation", "FILE|X", "rows to validate on, or the fraction held out; 0: none", "0.1");
  key("label", "COLUMN|FILE", label_help(), "");
  key("content", "KIND", "what DATA holds; auto looks into the files", "auto");
  key("init", "MODEL", "model file or run folder to start from", "");
  key("warmup", "EPOCHS", "until the KL's weight has grown from 0 to beta", "0");
  const std::vector<ConfigField> content = content_fields();
  for (const ConfigField& f : train_keys()) {
    const bool of_content = std::ranges::count(content, f.name, &ConfigField::name) > 0;
    if (f.kind == ConfigField::Kind::flag && of_content) {
      flags.add_switch(flag_of(f.name), f.help,
                       [&r, name = f.name](const std::string& text) { r.flags[name] = text; });
    } else if (of_content) {  // models may have a key of this name that is taken from the content
      key(f.name, kind_of(f), help_of(f), default_of(f));
    } else {
      key(f.name, kind_of(f), by_model(f, help_of), by_model(f, default_of));
    }
  }
}

}  // namespace latent::cli
