// Models and rows from the command line; see model_input.h.
#include "cli/model_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/near.h"
#include "cli/labels.h"
#include "cli/lists.h"
#include "cli/output.h"
#include "data/content.h"
#include "data/dataset.h"
#include "report/words.h"
#include "train/model_file.h"
#include "train/preprocess.h"

namespace latent::cli {

namespace {

namespace fs = std::filesystem;

/// The end of a message about a path that there is not.
std::string near_path(const fs::path& path) {
  std::error_code error;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder, error))
    names.push_back(entry.path().filename().string());
  const std::string near = did_you_mean(path.filename().string(), names);
  return near.starts_with("; did") ? near : "";
}

}  // namespace

void add_model_flags(Flags& flags, ModelFlags& model) {
  flags.argument("MODEL", model.path, "run folder or model file", true);
  add_threads(flags, model.threads);
}

std::string model_file(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) {
    throw SystemError(
        "no run folder or model file of this name" + near_path(fs::path(path).lexically_normal()),
        path, error ? error.value() : ENOENT);
  }
  std::string file = model_path(path);
  if (file != path && !fs::exists(file, error))
    throw BadModel(path + " holds no model: neither best.safetensors nor last.safetensors");
  return file;
}

Model open_model(const ModelFlags& flags) {
  const std::string file = model_file(flags.path);
  try {
    return load(file, static_cast<int>(flags.threads));
  } catch (const DataError& e) {
    throw BadModel(e.what());
  }
}

std::vector<std::string> value_names(const Model& model) {
  const std::vector<std::string>& columns = model.preprocessing().columns;
  return columns.empty() ? numbered("x", model.inputs()) : columns;
}

void tell_model(const ModelFlags& flags, const Model& model) {
  fmt::print(stderr, "{}: {}, rows of {}, {}\n", flags.path, model.architecture().name,
             model.row_shape().text(), counted(model.latent(), "unit"));
}

std::string data_help() {
  std::string text =
      "digits (embedded), - (standard input), arrays (IDX, NPY, NPZ, CSV; packed by gzip or not)";
  for (const ContentKind& kind : content_kinds()) text += ", " + kind.name + " (" + kind.doc + ")";
  return text;
}

std::string label_help() {
  return "labels, no values of a row: a column of a CSV file, a file of one number a row, or "
         "folder (files lie in one of their class)";
}

void add_data_flags(Flags& flags, DataFlags& data, bool required) {
  flags.argument("DATA", data.spec, data_help(), required);
  flags.add("--label", "COLUMN|FILE", data.label, label_help());
  flags.add("--skip-bad", data.skip_bad, "leave out files that cannot be read, and name them");
}

Data open_rows(const DataFlags& flags, const Model& model) {
  Data data = model.open(flags.spec, flags.label, flags.skip_bad);
  tell_notes(data);
  return data;
}

Data open_beside(const DataFlags& flags, const std::string& spec, const Model& model) {
  Data data = model.open(spec, flags.label, flags.skip_bad, /*beside=*/true);
  tell_notes(data);
  return data;
}

void tell_notes(const Data& data) {
  for (const std::string& note : data.dataset().notes()) fmt::print(stderr, "{}\n", note);
}

void for_pieces(const Data& data, const std::function<void(std::span<const float> rows)>& f) {
  // Several pieces of Model's own, so that its threads are busy; rows become float32 only here.
  constexpr int64_t kRows = 4096;
  for (int64_t at = 0; at < data.size(); at += kRows)
    f(data.values(at, std::min(kRows, data.size() - at)));
}

std::vector<int32_t> labels_for(const Model& model, const Data& data, int64_t first,
                                int64_t count) {
  if (model.architecture().classes == 0) return {};
  std::vector<int32_t> all = labels_of(data);
  const auto begin = all.begin() + first;
  return {begin, count < 0 ? all.end() : begin + count};
}

std::vector<int32_t> labels_at(const Model& model, const Data& data,
                               const std::vector<int64_t>& rows) {
  if (model.architecture().classes == 0) return {};
  const std::vector<int32_t> all = labels_of(data);
  std::vector<int32_t> labels;
  for (const int64_t row : rows) labels.push_back(all[static_cast<size_t>(row)]);
  return labels;
}

std::vector<int32_t> labels_in_turn(const std::string& text, const char* flag, int64_t rows) {
  if (text.empty()) return {};
  const std::vector<int64_t> asked = whole_numbers(text, flag, 0, 65535);
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < rows; ++i)
    labels.push_back(static_cast<int32_t>(asked[static_cast<size_t>(i % std::ssize(asked))]));
  return labels;
}

std::vector<float> map_rows(const Model& model, const Data& data, const MapLabelled& f) {
  const std::vector<int32_t> labels = labels_for(model, data);
  size_t at = 0;
  return map_rows(data, [&](std::span<const float> rows) {
    const size_t n = labels.empty() ? 0 : rows.size() / static_cast<size_t>(data.row_elements());
    const auto some = std::span(labels).subspan(at, n);
    at += n;
    return f(rows, some);
  });
}

std::vector<float> map_rows(const Data& data,
                            const std::function<std::vector<float>(std::span<const float>)>& f) {
  std::vector<float> out;
  for_pieces(data, [&](std::span<const float> rows) {
    const std::vector<float> piece = f(rows);
    out.insert(out.end(), piece.begin(), piece.end());
  });
  return out;
}

}  // namespace latent::cli
