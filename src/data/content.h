// Kinds of content: how files of pictures, text or sound become rows of numbers, and rows files
// again. How it was done for a model's training data is kept in the model file, so that files which
// are read later become rows in the same way. Arrays (IDX, NPY, NPZ, CSV) are numbers already and
// need nothing kept. A new kind is a file of its own and an entry in content.cc.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "latent/tensor.h"

namespace latent {

class Dataset;
class FileSet;

/// How files became rows.
struct Content {
  std::string kind = "array";                          // of content_kinds(), or array
  nlohmann::json settings = nlohmann::json::object();  // a value for each of the kind's fields
  std::map<std::string, std::string> blobs;  // bytes that settings cannot hold, as a vocabulary

  bool array() const { return kind == "array"; }
  nlohmann::json json() const;  ///< Kind and settings, without blobs.
  /// DataError naming `path` for an unknown kind or settings that it cannot have.
  static Content from_json(const nlohmann::json& j, const std::string& path);
};

struct ContentKind {
  std::string name, doc;
  std::vector<ConfigField> fields;   // keys of training, as size or window
  std::vector<std::string> endings;  // of files that rows can be written to, as ".wav"
  std::vector<std::string> names;    // endings that files of the kind go by; others are as good
  bool streams = false;              // whether standard input ("-") may hold it
  /// No first bytes tell the kind: a file that is named as something else is that, or broken.
  bool guessed = false;
  /// Whether the file or folder, whose files these are, is of this kind by its content.
  std::function<bool(const std::string& path, const FileSet& files)> recognizes;
  /// Reads files with settings that are whole and checked. `as`: the content of a trained model,
  /// whose settings these are then, or null. The data set's content() is what to keep.
  std::function<Dataset(const std::string& path, const nlohmann::json& settings, const Content* as,
                        const std::string& label)>
      open;
  /// DataError naming `path` for an array of rows that a model of this kind cannot have; null where
  /// any numbers will do.
  std::function<void(const Content& content, const Tensor& rows, const std::string& path)>
      check_array = nullptr;
  /// Writes rows [n, row], in units of the data, to a file with one of `endings`, or "-".
  std::function<void(const std::string& path, const Content& content, std::span<const float> rows,
                     const Shape& row)>
      write;
  /// The same of rows whose names (Dataset::names()) say which belong together, as windows of one
  /// sound; null where rows stand alone.
  std::function<void(const std::string& path, const Content& content, std::span<const float> rows,
                     std::span<const std::string> names)>
      write_named = nullptr;
};

const std::vector<ContentKind>& content_kinds();
/// The fields of all kinds; a name that two share comes once.
std::vector<ConfigField> content_fields();
/// The entry of that name; UsageError with the near miss when there is none.
const ContentKind& content_kind(const std::string& name);
/// The kind whose files have such names; null when none does.
const ContentKind* named_kind(const std::string& path);
/// The first kind that recognizes the files at the path; null when none does, or when it is guessed
/// against the name that the file has.
const ContentKind* recognized_kind(const std::string& path, const FileSet& files);
/// The same of a path alone; null too where its files cannot be listed.
const ContentKind* recognized_kind(const std::string& path);

}  // namespace latent
