// Grids of samples and reconstructions; see pictures.h.
#include "cli/pictures.h"

#include <fmt/format.h>

#include "base/file.h"
#include "report/png.h"

namespace latent::cli {

void check_draws_pictures(const Model& model) {
  if (draws_pictures(model)) return;
  throw UsageError("rows of this model are " + model.row_shape().text() +
                   ", no pictures, so there is no grid to draw; write .npy or .csv");
}

namespace {

void write_picture(const std::string& path, const Picture& p) {
  write_png(path, p.pixels, p.height, p.width, p.channels);
}

}  // namespace

void write_grid(const std::string& path, const Model& model, std::span<const float> rows,
                int64_t columns) {
  check_draws_pictures(model);
  write_picture(path, grid_picture(model, rows, columns));
}

void write_files(const std::string& folder, const Model& model, std::span<const float> rows) {
  check_draws_pictures(model);
  make_folder(folder);
  int number = 0;
  for (const Picture& p : row_pictures(model, rows))
    write_picture(fmt::format("{}/{:05}.png", folder, ++number), p);
}

void write_pairs(const std::string& path, const Model& model, std::span<const float> rows,
                 std::span<const float> reconstructed, int64_t columns) {
  check_draws_pictures(model);
  write_picture(path, pairs_picture(model, rows, reconstructed, columns));
}

}  // namespace latent::cli
