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

void write_grid(const std::string& path, const ModelSpec& spec, std::span<const float> inputs, int64_t n, int64_t columns) {
  if (!draws_pictures(spec)) throw UsageError("rows of this model are no pictures, so there is no grid to draw");
  const auto& s = spec.row_shape;
  const int64_t scale = std::max<int64_t>(1, 56 / std::max(s[0], s[1]));
  if (!columns) columns = static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(n))));
  const Picture p = tile_images(inputs, n, s[0], s[1], s.size() == 3 ? s[2] : 1, columns, scale, 2);
  write_png(path, p.pixels, p.height, p.width, p.channels);
}

void write_reconstructions(const std::string& path, const Dataset& data, const ModelSpec& spec, Slots& slots, int threads) {
  const int64_t n = std::min<int64_t>(10, data.size());
  std::vector<int32_t> rows(static_cast<size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  const Tensor x = inputs_of(data, spec, rows);
  Graph g;
  const Scope s(g, false);
  g.fetch("y", spec.build_reconstruction(s, g.feed("x", x.shape())));
  Plan plan(g, slots, {.threads = threads});
  plan.feed("x", x.span<float>());
  plan.run();
  std::vector<float> both(x.span<float>().begin(), x.span<float>().end());
  const auto y = plan.fetch("y");
  both.insert(both.end(), y.begin(), y.end());
  write_grid(path, spec, both, 2 * n, n);
}

void write_samples(const std::string& path, const ModelSpec& spec, Slots& slots, int64_t n, int threads) {
  Graph g;
  g.fetch("x", spec.build_samples(Scope(g, false), n));
  Plan plan(g, slots, {.threads = threads});
  plan.run();
  write_grid(path, spec, plan.fetch("x"), n);
}

}  // namespace latent::cli
