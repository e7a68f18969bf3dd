// Grids of samples and reconstructions; see pictures.h.
#include "cli/pictures.h"

#include <algorithm>
#include <cmath>

#include "report/grid.h"
#include "report/png.h"

namespace latent::cli {

bool draws_pictures(const Model& model) {
  const Shape s = model.row_shape();
  return s.rank() == 2 || (s.rank() == 3 && (s[2] == 1 || s[2] == 3));
}

namespace {

/// Rows as pictures with values in [0, 1], [n, h, w] or [n, h, w, channels].
Tensor pictures_of(const Model& model, std::span<const float> rows, int64_t n) {
  if (!draws_pictures(model)) {
    throw UsageError("rows of this model are no pictures, so there is no grid to draw");
  }
  Shape shape{n};
  for (const int64_t d : model.row_shape()) shape.push_back(d);
  Tensor t(shape);
  std::ranges::copy(rows, t.span<float>().begin());
  model.scale(t.span<float>());
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

void write_reconstructions(const std::string& path, const Data& data, const Model& model) {
  const int64_t n = std::min<int64_t>(10, data.size());
  const std::vector<float> x = data.values(0, n);
  write_picture(path, tile_pairs(pictures_of(model, x, n),
                                 pictures_of(model, model.reconstruct(x), n), grid_of(model, n)));
}

void write_samples(const std::string& path, const Model& model, int64_t n, uint64_t seed) {
  const auto columns = static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(n))));
  write_picture(path,
                tile_images(pictures_of(model, model.sample(n, seed), n), grid_of(model, columns)));
}

}  // namespace latent::cli
