// The table of kinds of content; see content.h.
#include "data/content.h"

#include <algorithm>

#include "base/near.h"
#include "data/audio.h"
#include "data/dataset.h"
#include "data/folder.h"
#include "data/pictures.h"
#include "data/text_content.h"
#include "latent/error.h"

namespace latent {

namespace {

/// Names of arrays, archives, models and configs.
const std::vector<std::string> kNoContent = {".csv", ".tsv", ".npy",         ".npz", ".idx",
                                             ".zip", ".tar", ".safetensors", ".toml"};

bool has_ending(const std::string& path, const std::vector<std::string>& endings) {
  return std::ranges::any_of(endings, [&](const std::string& ending) {
    return path.ends_with(ending) || path.ends_with(ending + ".gz");
  });
}

}  // namespace

const std::vector<ContentKind>& content_kinds() {
  static const std::vector<ContentKind> kinds = {pictures_kind(), audio_kind(), text_content()};
  return kinds;
}

std::vector<ConfigField> content_fields() {
  std::vector<ConfigField> fields;
  for (const ContentKind& kind : content_kinds()) {
    for (const ConfigField& f : kind.fields) {
      if (std::ranges::count(fields, f.name, &ConfigField::name) == 0) fields.push_back(f);
    }
  }
  return fields;
}

const ContentKind& content_kind(const std::string& name) {
  std::vector<std::string> names;
  for (const ContentKind& kind : content_kinds()) {
    if (kind.name == name) return kind;
    names.push_back(kind.name);
  }
  throw UsageError("there is no kind of content \"" + name + "\"" + did_you_mean(name, names));
}

const ContentKind* named_kind(const std::string& path) {
  const auto found = std::ranges::find_if(
      content_kinds(), [&](const ContentKind& k) { return has_ending(path, k.names); });
  return found == content_kinds().end() ? nullptr : &*found;
}

const ContentKind* recognized_kind(const std::string& path, const FileSet& files) {
  const auto found = std::ranges::find_if(content_kinds(),
                                          [&](const auto& k) { return k.recognizes(path, files); });
  if (found == content_kinds().end()) return nullptr;
  const ContentKind* named = named_kind(path);
  const bool another = has_ending(path, kNoContent) || (named && named != &*found);
  return found->guessed && another ? nullptr : &*found;
}

const ContentKind* recognized_kind(const std::string& path) {
  try {
    return recognized_kind(path, FileSet::open(path));
  } catch (const Error&) {  // what is wrong with it is told when it is opened
    return nullptr;
  }
}

nlohmann::json Content::json() const { return {{"kind", kind}, {"settings", settings}}; }

Content Content::from_json(const nlohmann::json& j, const std::string& path) {
  try {
    Content c{.kind = j.at("kind").get<std::string>()};
    const ContentKind& kind = content_kind(c.kind);
    c.settings = resolve_config(kind.fields, j.at("settings"), kind.name);
    return c;
  } catch (const UsageError& e) {
    throw DataError(std::string("the model's content cannot be used: ") + e.what(), path);
  }
}

}  // namespace latent
