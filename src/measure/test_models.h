// Models for the tests of measures: one with closed forms, and small ones trained on the digits.
#pragma once

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "data/loader.h"
#include "latent/models.h"
#include "latent/ops.h"
#include "latent/optim.h"
#include "latent/plan.h"
#include "measure/view.h"

namespace latent::measure {

/// p(z) = N(0, 1), p(x|z) = N(2 z, 1/2), so p(x) = N(0, 9/2) and p(z|x) = N(4/9 x, 1/9). The
/// posterior of the view has the variance given: the exact one for 1/9.
inline ModelView linear_gaussian(double variance = 1.0 / 9, double slope = 4.0 / 9) {
  return {.inputs = 1,
          .latent = 1,
          .encode =
              [=](const Scope&, Arg x) {
                return Gaussian{slope * x, 0 * x + std::log(variance)};
              },
          .decode = [](const Scope&, Arg z) { return 2 * z; },
          .likelihood = gaussian_fixed(std::sqrt(0.5))};
}
inline double linear_gaussian_log_p(double x) {
  return -0.5 * (std::log(2 * M_PI * 4.5) + x * x / 4.5);
}

inline ModelView view_of(const Vae& vae) { return view_of(architecture(vae, vae.c.inputs)); }

/// Adam for `epochs` over the rows; a loss is made of the scope and x [n, inputs].
inline Slots trained(const RowSource& rows, int64_t inputs,
                     const std::function<Expr(const Scope&, Expr x)>& loss, uint64_t seed,
                     int64_t epochs, double rate = 3e-3) {
  constexpr int64_t kBatch = 64;
  Slots slots(seed);
  PlanFamily plans(slots,
                   [&](Graph& g, int64_t n) {
                     const Expr total = loss(Scope(g, true), g.feed("x", {n, inputs}));
                     minimize(g, total, Adam{.rate = rate});
                     g.fetch("loss", total);
                   },
                   {.threads = 1});
  Loader loader(rows.rows, kBatch, seed);
  plans.at(kBatch);  // fills the slots, also for no epochs
  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    for (int64_t i = 0; i < loader.batches(); ++i) {
      const auto batch = loader.batch(epoch, i);
      Plan& plan = plans.at(std::ssize(batch));
      rows.read(batch, plan.feed("x").data());
      plan.run();
    }
  }
  return slots;
}

inline Slots trained_vae(const Vae& vae, const RowSource& rows, uint64_t seed, int64_t epochs,
                         double rate = 3e-3) {
  return trained(
      rows, vae.c.inputs, [&](const Scope& s, Expr x) { return vae.loss(s, {.x = x}).total; }, seed,
      epochs, rate);
}

/// Rows given as values [n, width], with ids 0, 1, ..
inline RowSource rows_from(std::vector<float> values, int64_t width) {
  RowSource r;
  r.rows.resize(values.size() / static_cast<size_t>(width));
  std::iota(r.rows.begin(), r.rows.end(), 0);
  r.read = [v = std::move(values), w = static_cast<size_t>(width)](std::span<const int32_t> ids,
                                                                   float* dst) {
    for (const int32_t id : ids)
      dst = std::copy_n(v.begin() + static_cast<ptrdiff_t>(static_cast<size_t>(id) * w), w, dst);
  };
  return r;
}

/// Standard normals, or uniforms in [0, 1), from a small generator: good enough for data of tests.
inline std::vector<float> test_noise(size_t n, uint64_t seed, bool gaussian) {
  Graph g;
  const Scope s(g, false);
  const auto rows = static_cast<int64_t>(n);
  g.fetch("x", gaussian ? normal(s / "data", {rows}) : uniform(s / "data", {rows}));
  Slots slots(seed);
  Plan plan(g, slots, {.threads = 1});
  plan.run();
  const auto x = plan.fetch("x");
  return {x.begin(), x.end()};
}

}  // namespace latent::measure
