// Choice of the scaling, to and from JSON; see preprocess.h.
#include "train/preprocess.h"

#include <algorithm>
#include <cmath>

namespace latent {

int64_t Preprocessing::inputs() const {
  int64_t n = 1;
  for (const int64_t d : row_shape) n *= d;
  return n;
}

nlohmann::json Preprocessing::json() const {
  nlohmann::json j = {{"row_shape", row_shape},
                      {"scaling", name_of(scaling.kind)},
                      {"scale", scaling.scale},
                      {"shift", scaling.shift}};
  if (!columns.empty()) j["columns"] = columns;
  if (!content.array()) j["content"] = content.json();
  return j;
}

Preprocessing Preprocessing::from_json(const nlohmann::json& j, const std::string& path) {
  Preprocessing p;
  p.row_shape = j.at("row_shape").get<std::vector<int64_t>>();
  p.scaling.scale = j.at("scale").get<std::vector<double>>();
  p.scaling.shift = j.at("shift").get<std::vector<double>>();
  constexpr int64_t kMost = int64_t{1} << 24;  // a file must not make us allocate without bound
  bool good = p.row_shape.size() <= 5;
  int64_t inputs = 1;
  for (const int64_t d : p.row_shape) {
    good = good && d >= 1 && d <= kMost / inputs;
    if (good) inputs *= d;
  }
  const auto finite = [](double v) { return std::isfinite(v); };
  const auto pairs = std::ssize(p.scaling.scale);
  good = good && (pairs == 1 || pairs == inputs) && std::ssize(p.scaling.shift) == pairs &&
         std::ranges::all_of(p.scaling.scale, finite) &&
         std::ranges::all_of(p.scaling.shift, finite) &&
         std::ranges::count(p.scaling.scale, 0.0) == 0;
  if (j.contains("columns")) {
    p.columns = j.at("columns").get<std::vector<std::string>>();
    good = good && std::ssize(p.columns) == inputs;
  }
  if (j.contains("content")) p.content = Content::from_json(j.at("content"), path);
  if (!good) throw DataError("the model's row shape, scaling or columns are out of range", path);
  try {
    p.scaling.kind = scaling_named(j.at("scaling").get<std::string>());
  } catch (const UsageError& e) {
    throw DataError(e.what(), path);
  }
  return p;
}

Preprocessing choose_preprocessing(const Dataset& data, const std::string& scaling,
                                   std::span<const int32_t> rows) {
  Preprocessing p;
  const Shape row = data.row_shape("x");
  p.row_shape.assign(row.begin(), row.end());
  p.columns = data.columns();
  p.content = data.content();
  if (p.content.kind == "text") {  // numbers of tokens, which stand for nothing but themselves
    if (scaling != "auto" && scaling != "none")
      throw UsageError("text is not scaled; scaling " + scaling + " was asked for");
    p.scaling.reason = "scaling none: numbers of tokens";
    return p;
  }
  const bool samples =
      p.content.kind == "audio" && p.content.settings.value("features", "") == "wave";
  if (scaling == "auto" && samples) {  // silence stays 0
    p.scaling = make_scaling(ScalingKind::none, data, "x", rows);
    p.scaling.reason = "samples of sounds stay as they are; --loudness brings them to one level";
    return p;
  }
  p.scaling = scaling == "auto" ? choose_scaling(data, "x", rows)
                                : make_scaling(scaling_named(scaling), data, "x", rows);
  return p;
}

}  // namespace latent
