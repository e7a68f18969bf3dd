// The multi-resolution STFT loss; see spectral.h.
#include "models/spectral.h"

#include <cmath>

namespace latent::models {

namespace {

constexpr int64_t kSizes[] = {512, 256, 128};
constexpr double kPowerFloor = 1e-3;

/// Hann-windowed cosines, or sines, [size, size / 2 + 1]. The angle is taken from (t k) mod size, a
/// whole number, so that it is exact to the last bit of float32.
Expr waves(Graph& g, int64_t size, bool cosine) {
  const int64_t bins = size / 2 + 1;
  const Expr t = reshape(cast(iota(g, size), DType::f32), {size, 1}),
             k = reshape(cast(iota(g, bins), DType::f32), {1, bins});
  const auto n = static_cast<double>(size);
  const Expr turns = t * k, angle = (turns - n * floor(turns / n)) * (2 * M_PI / n);
  const Expr window = 0.5 - 0.5 * cos(t * (2 * M_PI / n));
  return window * (cosine ? cos(angle) : sin(angle));
}

/// Frames [n, frames, size] of x [n, samples], each quarter of a frame a slice of its own.
Expr frames_of(Expr x, int64_t size) {
  const int64_t n = x.dim(0), hop = size / 4, frames = x.dim(1) / hop + 1;
  const Expr padded = pad(x, 1, size / 2, (frames - 1) * hop + size - size / 2 - x.dim(1));
  std::vector<Expr> quarters;
  for (int64_t q = 0; q < 4; ++q)
    quarters.push_back(reshape(slice(padded, 1, q * hop, frames * hop), {n, frames, hop}));
  return concat(quarters, 2);
}

}  // namespace

Expr spectral_magnitude(const Arg& x, int64_t size) {
  At at(x.where());
  Graph& g = x.expr().graph();
  const Expr frames = frames_of(x.expr(), size);
  const int64_t n = frames.dim(0), count = frames.dim(1);
  const Expr flat = reshape(frames, {n * count, size});
  const Expr power =
      square(matmul(flat, waves(g, size, true))) + square(matmul(flat, waves(g, size, false)));
  return reshape(sqrt(power + kPowerFloor), {n, count, size / 2 + 1});
}

Expr spectral_loss(const Arg& x, const Arg& y) {
  At at(y.where());
  if (x.expr().shape().rank() != 2 || x.expr().dim(1) < kSizes[0])
    throw UsageError("the spectral loss is for samples of sounds, at least 512 a row; found rows " +
                     x.expr().shape().text());
  Expr total;
  for (const int64_t size : kSizes) {
    const Expr a = spectral_magnitude(x, size), b = spectral_magnitude(y, size);
    const Expr convergence = sqrt(sum(square(a - b)) / sum(square(a)) + 1e-12);
    const Expr one = convergence + mean(abs(log(a) - log(b)));
    total = total.valid() ? total + one : one;
  }
  return total / 3.0;
}

}  // namespace latent::models
