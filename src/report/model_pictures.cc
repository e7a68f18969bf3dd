// From values of rows to pixels; see model_pictures.h.
#include "report/model_pictures.h"

#include <algorithm>
#include <cmath>

#include "data/audio.h"
#include "train/preprocess.h"

namespace latent {

namespace {

/// Values that become black and white.
struct Range {
  float low = 0, high = 1;
};

/// [0, 1] in model space where the scaling brings the data there, else what the rows span.
Range range_of(const Model& model, std::span<const float> scaled) {
  if (model.preprocessing().scaling.kind != ScalingKind::standardize || scaled.empty()) return {};
  const auto [low, high] = std::ranges::minmax(scaled);
  return high > low ? Range{low, high} : Range{};
}

std::vector<float> scaled(const Model& model, std::span<const float> rows) {
  std::vector<float> values(rows.begin(), rows.end());
  model.scale(values);
  return values;
}

/// Scaled rows as pictures with values in [0, 1], [n, h, w] or [n, h, w, channels].
Tensor pictures_of(const Model& model, std::span<const float> values, Range range) {
  Shape shape{std::ssize(values) / model.inputs()};
  for (const int64_t d : model.row_shape()) shape.push_back(d);
  Tensor t(shape);
  std::ranges::transform(values, t.span<float>().begin(),
                         [&](float v) { return (v - range.low) / (range.high - range.low); });
  return t;
}

/// Columns, and an enlargement to about 56 pixels an image.
GridOptions grid_of(const Model& model, int64_t columns) {
  const int64_t side = std::max(model.row_shape()[0], model.row_shape()[1]);
  return {.columns = static_cast<int>(columns),
          .scale = static_cast<int>(std::max<int64_t>(1, 56 / side)),
          .gap = 2};
}

bool sounds(const Model& model) { return model.preprocessing().content.kind == "audio"; }

}  // namespace

bool draws_pictures(const Model& model) {
  const Shape s = model.row_shape();
  return s.rank() == 2 || (s.rank() == 3 && (s[2] == 1 || s[2] == 3));
}

Picture grid_picture(const Model& model, std::span<const float> rows, int64_t columns) {
  if (columns == 0) {
    const int64_t n = std::ssize(rows) / model.inputs();
    columns = static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(n))));
  }
  if (sounds(model))
    return tile_images(spectra_of_rows(model.preprocessing().content, rows),
                       grid_of(model, columns));
  const std::vector<float> values = scaled(model, rows);
  return tile_images(pictures_of(model, values, range_of(model, values)), grid_of(model, columns));
}

std::vector<Picture> row_pictures(const Model& model, std::span<const float> rows) {
  const std::vector<float> values = scaled(model, rows);
  const Range range = range_of(model, values);
  const auto inputs = static_cast<size_t>(model.inputs());
  std::vector<Picture> pictures;
  for (size_t at = 0; at < values.size(); at += inputs) {
    const auto row = std::span(values).subspan(at, inputs);
    pictures.push_back(tile_images(pictures_of(model, row, range), {.columns = 1, .gap = 0}));
  }
  return pictures;
}

Picture pairs_picture(const Model& model, std::span<const float> rows, std::span<const float> below,
                      int64_t columns) {
  if (sounds(model)) {  // both on one scale
    std::vector<float> all(rows.begin(), rows.end());
    all.insert(all.end(), below.begin(), below.end());
    const Tensor spectra = spectra_of_rows(model.preprocessing().content, all);
    Shape half = spectra.shape();
    half[0] /= 2;
    Tensor upper(half), lower(half);
    const auto n = static_cast<size_t>(half.elements());
    std::ranges::copy(spectra.span<float>().first(n), upper.span<float>().begin());
    std::ranges::copy(spectra.span<float>().last(n), lower.span<float>().begin());
    return tile_pairs(upper, lower, grid_of(model, columns));
  }
  const std::vector<float> upper = scaled(model, rows), lower = scaled(model, below);
  const Range range = range_of(model, upper);
  return tile_pairs(pictures_of(model, upper, range), pictures_of(model, lower, range),
                    grid_of(model, columns));
}

}  // namespace latent
