// Grids of samples and reconstructions; see pictures.h.
#include "cli/pictures.h"

#include <algorithm>
#include <cmath>

#include "report/grid.h"
#include "report/png.h"
#include "train/preprocess.h"

namespace latent::cli {

bool draws_pictures(const Model& model) {
  const Shape s = model.row_shape();
  return s.rank() == 2 || (s.rank() == 3 && (s[2] == 1 || s[2] == 3));
}

void check_draws_pictures(const Model& model) {
  if (draws_pictures(model)) return;
  throw UsageError("rows of this model are " + model.row_shape().text() +
                   ", no pictures, so there is no grid to draw; write .npy or .csv");
}

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

void write_picture(const std::string& path, const Picture& p) {
  write_png(path, p.pixels, p.height, p.width, p.channels);
}

}  // namespace

void write_grid(const std::string& path, const Model& model, std::span<const float> rows,
                int64_t columns) {
  check_draws_pictures(model);
  const std::vector<float> values = scaled(model, rows);
  if (columns == 0) {
    const auto n = static_cast<double>(std::ssize(rows) / model.inputs());
    columns = static_cast<int64_t>(std::ceil(std::sqrt(n)));
  }
  write_picture(path, tile_images(pictures_of(model, values, range_of(model, values)),
                                  grid_of(model, columns)));
}

void write_pairs(const std::string& path, const Model& model, std::span<const float> rows,
                 std::span<const float> reconstructed, int64_t columns) {
  check_draws_pictures(model);
  const std::vector<float> above = scaled(model, rows), below = scaled(model, reconstructed);
  const Range range = range_of(model, above);
  write_picture(path, tile_pairs(pictures_of(model, above, range), pictures_of(model, below, range),
                                 grid_of(model, columns)));
}

void write_reconstructions(const std::string& path, const Data& data, const Model& model) {
  const int64_t n = std::min<int64_t>(10, data.size());
  const std::vector<float> x = data.values(0, n);
  write_pairs(path, model, x, model.reconstruct(x), n);
}

void write_samples(const std::string& path, const Model& model, int64_t n, uint64_t seed) {
  write_grid(path, model, model.sample(n, seed));
}

}  // namespace latent::cli
