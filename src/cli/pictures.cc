// Grids of samples and reconstructions; see pictures.h.
#include "cli/pictures.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "report/grid.h"
#include "report/png.h"
#include "train/trainer.h"

namespace latent::cli {

bool draws_pictures(const ModelSpec& spec) {
  const auto& s = spec.row_shape;
  return s.size() == 2 || (s.size() == 3 && (s[2] == 1 || s[2] == 3));
}

namespace {

/// Rows of inputs as pictures, [n, h, w] or [n, h, w, channels].
Tensor pictures_of(const ModelSpec& spec, std::span<const float> inputs, int64_t n) {
  if (!draws_pictures(spec)) {
    throw UsageError("rows of this model are no pictures, so there is no grid to draw");
  }
  Shape shape{n};
  for (int64_t d : spec.row_shape) shape.push_back(d);
  Tensor t(shape);
  std::copy(inputs.begin(), inputs.end(), t.span<float>().begin());
  return t;
}

/// Columns, and an enlargement to about 56 pixels an image.
GridOptions grid_of(const ModelSpec& spec, int64_t columns) {
  const int64_t side = std::max(spec.row_shape[0], spec.row_shape[1]);
  return {.columns = static_cast<int>(columns),
          .scale = static_cast<int>(std::max<int64_t>(1, 56 / side)),
          .gap = 2};
}

void write_picture(const std::string& path, const Picture& p) {
  write_png(path, p.pixels, p.height, p.width, p.channels);
}

}  // namespace

void write_reconstructions(const std::string& path, const Dataset& data, const ModelSpec& spec,
                           Slots& slots, int threads) {
  const int64_t n = std::min<int64_t>(10, data.size());
  std::vector<int32_t> rows(static_cast<size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  const Tensor x = inputs_of(data, spec, rows);
  Graph g;
  g.fetch("y", spec.build_reconstruction(Scope(g, false), g.feed("x", x.shape())));
  Plan plan(g, slots, {.threads = threads});
  plan.feed("x", x.span<float>());
  plan.run();
  write_picture(path, tile_pairs(pictures_of(spec, x.span<float>(), n),
                                 pictures_of(spec, plan.fetch("y"), n), grid_of(spec, n)));
}

void write_samples(const std::string& path, const ModelSpec& spec, Slots& slots, int64_t n,
                   int threads) {
  Graph g;
  g.fetch("x", spec.build_samples(Scope(g, false), n));
  Plan plan(g, slots, {.threads = threads});
  plan.run();
  const auto columns = static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(n))));
  write_picture(path, tile_images(pictures_of(spec, plan.fetch("x"), n), grid_of(spec, columns)));
}

}  // namespace latent::cli
