// Errors of pixels; see heat.h.
#include "report/heat.h"

#include <algorithm>
#include <cmath>

#include "report/model_pictures.h"

namespace latent {

namespace {

/// Black, red, yellow, white.
void colour_of(float heat, float* rgb) {
  for (int c = 0; c < 3; ++c) rgb[c] = std::clamp(3 * heat - static_cast<float>(c), 0.f, 1.f);
}

}  // namespace

std::vector<float> pixel_errors(const Model& model, std::span<const float> rows,
                                std::span<const float> reconstructed) {
  if (!draws_pictures(model))
    throw UsageError("rows of this model are " + model.row_shape().text() + ", no pictures");
  const Shape row = model.row_shape();
  const auto channels = static_cast<size_t>(row.rank() == 3 ? row[2] : 1);
  std::vector<float> a(rows.begin(), rows.end()), b(reconstructed.begin(), reconstructed.end());
  model.scale(a);
  model.scale(b);
  std::vector<float> errors(a.size() / channels);
  for (size_t i = 0; i < errors.size(); ++i) {
    for (size_t c = 0; c < channels; ++c) {
      const float d = a[i * channels + c] - b[i * channels + c];
      errors[i] += d * d / static_cast<float>(channels);
    }
  }
  return errors;
}

Picture heat_picture(const Model& model, std::span<const float> rows,
                     std::span<const float> reconstructed, float& greatest) {
  const std::vector<float> errors = pixel_errors(model, rows, reconstructed);
  std::vector<float> sorted = errors;
  const auto at = sorted.begin() + (std::ssize(sorted) - 1) * 999 / 1000;
  std::ranges::nth_element(sorted, at);
  greatest = *at;
  const std::vector<Picture> above = row_pictures(model, rows),
                             below = row_pictures(model, reconstructed);
  const auto n = static_cast<int64_t>(above.size());
  const int64_t height = model.row_shape()[0], width = model.row_shape()[1];
  Tensor images({3 * n, height, width, 3});
  float* dst = images.span<float>().data();
  const float* error = errors.data();
  for (size_t i = 0; i < above.size(); ++i) {
    for (const Picture* p : {&above[i], &below[i]}) {
      for (size_t k = 0; k < static_cast<size_t>(height * width); ++k) {
        for (size_t c = 0; c < 3; ++c)
          *dst++ = static_cast<float>(p->pixels[p->channels == 3 ? 3 * k + c : k]) / 255.f;
      }
    }
    for (int64_t k = 0; k < height * width; ++k, dst += 3)
      colour_of(greatest > 0 ? *error++ / greatest : 0, dst);
  }
  const auto scale = static_cast<int>(std::max<int64_t>(1, 96 / std::max(height, width)));
  return tile_images(images, {.columns = 3, .scale = scale, .gap = 2});
}

}  // namespace latent
