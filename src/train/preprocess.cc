// Choice and use of scaling; see preprocess.h.
#include "train/preprocess.h"

#include <fmt/format.h>

#include <cmath>

#include "base/near.h"

namespace latent {

int64_t Preprocessing::inputs() const {
  int64_t n = 1;
  for (const int64_t d : row_shape) n *= d;
  return n;
}

void Preprocessing::apply(std::span<float> values) const {
  const auto a = static_cast<float>(scale), b = static_cast<float>(shift);
  for (float& v : values) v = v * a + b;
}

void Preprocessing::undo(std::span<float> values) const {
  for (float& v : values) v = static_cast<float>((static_cast<double>(v) - shift) / scale);
}

nlohmann::json Preprocessing::json() const {
  return {{"row_shape", row_shape}, {"scale", scale}, {"shift", shift}};
}

Preprocessing Preprocessing::from_json(const nlohmann::json& j, const std::string& path) {
  Preprocessing p;
  p.row_shape = j.at("row_shape").get<std::vector<int64_t>>();
  p.scale = j.at("scale").get<double>();
  p.shift = j.at("shift").get<double>();
  constexpr int64_t kMost = int64_t{1} << 24;  // a file must not make us allocate without bound
  bool good =
      p.row_shape.size() <= 5 && std::isfinite(p.scale) && p.scale != 0 && std::isfinite(p.shift);
  int64_t inputs = 1;
  for (const int64_t d : p.row_shape) {
    good = good && d >= 1 && d <= kMost / inputs;
    if (good) inputs *= d;
  }
  if (!good) throw DataError("the model's row shape or scaling is out of range", path);
  return p;
}

Preprocessing choose_preprocessing(const Dataset& data, const std::string& scaling,
                                   std::string* reason) {
  Preprocessing p;
  const Shape row = data.row_shape("x");
  p.row_shape.assign(row.begin(), row.end());
  const ValueRange range = data.range("x");
  if (range.not_finite) {
    throw DataError(fmt::format("{} values are not finite, the first in row {}; replace or leave "
                                "out such rows",
                                range.not_finite, range.first_not_finite_row),
                    data.name());
  }
  if (scaling != "auto" && scaling != "none" && scaling != "minmax") {
    throw UsageError("no scaling is called \"" + scaling + "\"" +
                     did_you_mean(scaling, {"auto", "none", "minmax"}));
  }
  const bool inside = range.low >= 0 && range.high <= 1;
  std::string why;
  if (scaling == "none") {
    why = "values are used as they are, as asked for";
  } else if (inside && scaling == "auto") {
    why = "values lie in [0, 1] and are used as they are";
  } else if (range.high > range.low) {
    const double low = range.low >= 0 ? 0 : range.low;  // 0 stays 0: the background of a picture
    p.scale = 1 / (range.high - low);
    p.shift = -low * p.scale;
    why = fmt::format("values lie in [{:g}, {:g}] and are scaled to [0, 1]", range.low, range.high);
  } else {
    why = fmt::format("every value is {:g}: there is nothing to scale", range.low);
  }
  if (reason) *reason = why;
  return p;
}

}  // namespace latent
