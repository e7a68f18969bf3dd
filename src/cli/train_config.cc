// Resolution of a request to train; see train_config.h.
#include "cli/train_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/near.h"
#include "data/content.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "models/catalog.h"
#include "train/config_file.h"
#include "train/options.h"
#include "train/preprocess.h"

namespace latent::cli {

namespace {

using nlohmann::json;

/// Keys that name files or are made into others.
std::vector<ConfigField> special_keys() {
  using Kind = ConfigField::Kind;
  std::vector<std::string> models, kinds = {"auto", "array"};
  for (const CatalogEntry& e : catalog()) models.push_back(e.name);
  for (const ContentKind& k : content_kinds()) kinds.push_back(k.name);
  return {
      {.name = "data", .kind = Kind::word},
      {.name = "label", .kind = Kind::word},
      {.name = "content", .kind = Kind::word, .choices = kinds},
      {.name = "model", .kind = Kind::word, .choices = models},
      {.name = "validation", .kind = Kind::word},
      {.name = "init", .kind = Kind::word},
      {.name = "warmup", .kind = Kind::number, .low = 0, .high = 1e9},
  };
}

/// All keys that are known to some model, and their fields.
std::map<std::string, ConfigField> fields_by_name() {
  std::map<std::string, ConfigField> fields;
  for (ConfigField& f : special_keys()) fields.emplace(f.name, f);
  for (ConfigField& f : train_keys()) fields.emplace(f.name, f);
  return fields;
}

/// The request as one flat object, values checked but for those that models see differently.
json flatten(const TrainRequest& r) {
  const std::map<std::string, ConfigField> fields = fields_by_name();
  std::vector<std::string> names;
  for (const auto& [name, f] : fields) names.push_back(name);
  const auto field = [&](const std::string& key) -> const ConfigField& {
    const auto found = fields.find(key);
    if (found == fields.end())
      throw UsageError("there is no key \"" + key + "\"" + did_you_mean(key, names));
    return found->second;
  };
  json flat = r.config_file.empty() ? json::object() : read_config_file(r.config_file);
  for (const auto& [key, value] : flat.items()) {
    const ConfigField& f = field(key);
    // A fraction to hold out may be a number, a file a text.
    flat[key] = key == "validation" && value.is_number() ? json(value.dump()) : checked(f, value);
  }
  for (const std::string& set : r.sets) {
    const size_t at = set.find('=');
    if (at == set.npos) throw UsageError("--set takes key=value, found \"" + set + "\"");
    flat[set.substr(0, at)] = parse_value(field(set.substr(0, at)), set.substr(at + 1));
  }
  for (const auto& [key, text] : r.flags) flat[key] = parse_value(field(key), text);
  if (!r.data.empty()) flat["data"] = r.data;
  return flat;
}

/// "latent 20, hidden 400,200, ..": sizes, and what is not as it is by default.
std::string words(const json& config, const std::vector<ConfigField>& fields) {
  std::string text;
  for (const ConfigField& f : fields) {
    const json& value = config.at(f.name);
    const bool dense = f.name == "hidden" && config.value("encoder", "").empty();
    const bool size = dense || f.name == "latent" || f.name == "likelihood" || f.name == "loss" ||
                      f.name == "epochs" || f.name == "batch" || f.name == "lr";
    const bool gone = f.name == "hidden" && !dense;
    if (f.name == "inputs" || gone || (value == f.initial && !size)) continue;
    std::string shown = value.is_string() ? value.get<std::string>() : value.dump();
    if (value.is_array()) shown = shown.substr(1, shown.size() - 2);
    text += (text.empty() ? "" : ", ") + f.name + " " + (shown.empty() ? "none" : shown);
  }
  return text;
}

json take(json& flat, const std::string& key, json otherwise) {
  const auto found = flat.find(key);
  if (found == flat.end()) return otherwise;
  json value = *found;
  flat.erase(found);
  return value;
}

std::string notes_of(const Data& data) {
  std::string text;
  for (const std::string& note : data.dataset().notes()) text += note + "\n";
  return text;
}

/// Sizes that follow the data's, where nothing else was said: fitted_defaults() says so.
void fit_sizes(json& flat, const Data& data) {
  const bool large = data.row_elements() >= 256, many = data.size() >= 10000;
  const auto set = [&](const char* key, json value) {
    if (!flat.contains(key)) flat[key] = std::move(value);
  };
  set("batch", std::clamp<int64_t>(data.size() / 2, 1, many ? 128 : 32));
  set("epochs", many ? 20 : 200);
  const Content& content = data.dataset().content();
  if (content.kind == "text") {
    flat["vocabulary"] = content.settings.at("vocabulary");
    return;
  }
  const bool small_pictures = data.row_shape().rank() >= 2 && !large && !many;
  if (!flat.contains("encoder") || flat["encoder"] == "") {
    // One layer reconstructs small pictures as well, but its samples blend what four keep apart: of
    // the digits' 63 % can be read, of four layers' 87 to 90 % (docs/report.md).
    set("hidden",
        small_pictures ? json::array({200, 200, 200, 200}) : json::array({large ? 400 : 200}));
  } else {
    for (const char* key : {"hidden", "activation"}) {
      if (flat.contains(key))
        throw UsageError(fmt::format("{} is of dense layers, the encoder says its own", key));
    }
    const Shape row = data.row_shape();
    if (row.rank() == 2 || row.rank() == 3)
      set("picture", json(std::vector(row.begin(), row.end())));
  }
  if (flat.value("condition", "") == "label" && flat.value("classes", 0) == 0 &&
      data.dataset().labelled()) {
    const auto labels = data.dataset().field("label").values.span<int32_t>();
    flat["classes"] = static_cast<int64_t>(std::ranges::max(labels)) + 1;
  }
  set("latent", large ? 20 : small_pictures ? 4 : 10);
}

/// The model asked for, else that of the data's kind; UsageError where it is not for these data.
const CatalogEntry& entry_for(json& flat, const Data& data) {
  const bool text = data.dataset().content().kind == "text";
  const CatalogEntry& entry = catalog_entry(take(flat, "model", text ? "text_vae" : "vae"));
  if (text != entry.name.starts_with("text_")) {
    throw UsageError(fmt::format("the model {} is {} text, and {} is {}", entry.name,
                                 text ? "not for" : "for", data.name(),
                                 text ? "text: take text_vae or text_autoencoder" : "none"));
  }
  return entry;
}

/// The keys of `flat` that `fields` have, taken out of it.
json take_fields(json& flat, const std::vector<ConfigField>& fields) {
  json taken = json::object();
  for (const ConfigField& f : fields) {
    if (flat.contains(f.name)) taken[f.name] = take(flat, f.name, nullptr);
  }
  return taken;
}

/// The data set that the keys name, taken out of them.
Data open_data(json& flat, const std::string& spec, const std::string& label,
               const std::optional<Data>& opened) {
  OpenOptions options{.label = label, .content = take(flat, "content", "auto")};
  options.settings = take_fields(flat, content_fields());
  return opened ? *opened : Data(Dataset::open(spec, options));
}

/// A fraction, or a file that is read as the data were, labels and all.
void set_validation(TrainOptions& o, const std::string& text, const std::string& label,
                    const Content& content) {
  if (text.empty()) return;
  char* end = nullptr;
  const double fraction = std::strtod(text.c_str(), &end);
  if (*end == '\0')
    o.validation = fraction;
  else
    o.validation_data = Data(Dataset::open(text, {.label = label, .beside = true, .as = &content}));
}

}  // namespace

std::vector<ConfigField> train_keys() {
  std::vector<ConfigField> keys = fields_of(train_fields());
  for (const ConfigField& f : content_fields()) keys.push_back(f);
  for (const CatalogEntry& e : catalog()) {
    for (const ConfigField& f : e.fields) {
      const bool known = std::ranges::count(keys, f.name, &ConfigField::name) > 0;
      if (f.name != "inputs" && !known) keys.push_back(f);
    }
  }
  return keys;
}

const std::map<std::string, std::string>& fitted_defaults() {
  static const std::map<std::string, std::string> defaults = {
      {"hidden",
       "200; 400 for rows of 256 values or more; 200,200,200,200 for fewer than 10000 smaller "
       "pictures"},
      {"latent",
       "10; 20 for rows of 256 values or more; 4 for fewer than 10000 smaller pictures; 32 for "
       "text"},
      {"batch", "32; 128 from 10000 rows on; at most half of the rows"},
      {"epochs", "200; 20 from 10000 rows on"},
      {"likelihood", "chosen from the data, and said"},
  };
  return defaults;
}

TrainPlan plan_training(const TrainRequest& request, const std::optional<Data>& opened) {
  json flat = flatten(request);
  const json spec = take(flat, "data", "");
  if (spec == "")
    throw UsageError(
        "no data were named; give a file, \"digits\", or data in a TOML "
        "file by --config");
  const std::string label = take(flat, "label", "");
  Data data = open_data(flat, spec, label, opened);
  const CatalogEntry& entry = entry_for(flat, data);
  fit_sizes(flat, data);
  const std::string validation = take(flat, "validation", ""), init = take(flat, "init", "");
  const json warmup = take(flat, "warmup", nullptr);
  TrainOptions options =
      config_from_json(train_fields(), take_fields(flat, fields_of(train_fields())), "training");
  set_validation(options, validation, label, data.dataset().content());
  options.init = init;
  const Split rows =
      split(data.size(), options.validation_data ? 0.0 : options.validation, options.seed);
  if (!warmup.is_null()) {
    const int64_t steps = (std::ssize(rows.train) - 1) / options.batch + 1;
    flat["warmup_steps"] = std::llround(warmup.get<double>() * static_cast<double>(steps));
  }
  const Scaling scaling = choose_preprocessing(data.dataset(), options.scaling, rows.train).scaling;
  std::string summary = scaling.reason + "\n";
  const bool has_likelihood =
      std::ranges::count(entry.fields, "likelihood", &ConfigField::name) > 0;
  if (has_likelihood && !flat.contains("likelihood")) {
    const LikelihoodChoice choice = choose_likelihood(data.dataset(), "x", scaling);
    flat["likelihood"] = choice.name;
    summary += "likelihood " + choice.name + ": " + choice.reason + "\n";
  }
  // What is left must be of the model: a key of another one is named as such.
  Architecture architecture = entry.make(flat, data.row_elements());
  summary = fmt::format("{}: {} rows of {} values\n{}{}: {}\ntraining: {}\n", data.name(),
                        data.size(), data.row_elements(), notes_of(data), entry.name,
                        words(json::parse(architecture.config), entry.fields),
                        words(config_to_json(train_fields(), options), fields_of(train_fields()))) +
            summary;
  return {std::move(data),    std::move(architecture), std::move(options),
          std::move(summary), scaling.reason,          label};
}

std::string shell_word(const std::string& text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!text.empty() && text.find_first_not_of(kPlain) == text.npos) return text;
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? "'\\''" : std::string(1, c);
  return word + "'";
}

std::string command_of(const TrainRequest& r) {
  std::string command = "latent train";
  if (!r.data.empty()) command += " " + shell_word(r.data);
  if (!r.config_file.empty()) command += " --config " + shell_word(r.config_file);
  for (const std::string& set : r.sets) command += " --set " + shell_word(set);
  for (const auto& [key, value] : r.flags) {
    std::string flag = key;
    std::ranges::replace(flag, '_', '-');
    // Switches take a value only behind =.
    const bool truth = value == "true" || value == "false";
    command += " --" + flag + (truth ? "=" : " ") + shell_word(value);
  }
  return command;
}

}  // namespace latent::cli
