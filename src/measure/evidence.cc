// Measuring what diagnose() judges; see evidence.h.
#include "measure/evidence.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "latent/ops.h"

namespace latent::measure {

namespace {

constexpr int64_t kGradientRows = 128;  // of one run for dead units

void describe_rows(std::span<const float> x, const RowSource& rows, Evidence& e) {
  e.low = std::numeric_limits<double>::infinity();
  e.high = -e.low;
  for (size_t i = 0; i < x.size(); ++i) {
    const auto v = static_cast<double>(x[i]);
    e.low = std::min(e.low, v);
    e.high = std::max(e.high, v);
    // Scaling rounds: an ulp beside the interval is in it.
    if (v >= -1e-6 && v <= 1 + 1e-6) continue;
    if (e.outside_unit_interval++ == 0)
      e.first_row_outside = rows.rows[i / static_cast<size_t>(e.inputs)];
  }
  e.variance = mean_variance(x, e.inputs);
}

// Variance of a value given the code, where the likelihood has one for all.
std::optional<double> noise_of(const Likelihood& likelihood, std::optional<double> sigma) {
  if (sigma) return *sigma * *sigma;
  if (likelihood.name == "squared_error") return 0.5;
  if (likelihood.name != "gaussian_fixed") return {};
  // From the density at its mode: nll = 1/2 ln(2 pi sigma^2).
  Graph g;
  const Expr zero = g.feed("zero", {1, 1});
  g.fetch("nll", likelihood.nll(zero, zero));
  Slots none;
  Plan plan(g, none, {.threads = 1});
  plan.run();
  return std::exp(2 * static_cast<double>(plan.fetch("nll")[0])) / (2 * M_PI);
}

// Scope path of a parameter: its name without the last part.
std::string layer_of(const std::string& name) { return name.substr(0, name.rfind('/')); }

// A unit that gives 0 for every row leaves exactly 0 in the gradient of its incoming weights, a
// column [in, units]. Heads are no hidden layers: the code, and the likelihood's parameters.
std::vector<DeadUnits> dead_units(Evaluator& model, const RowSource& rows) {
  const ModelView& view = model.view();
  Graph g;
  const Scope s(g, false);
  const Expr x = g.feed("x", {kGradientRows, view.inputs});
  const Gaussian q = view.encode(s, x);
  // At a draw, as in training: at the mean code a collapsed model has units that never open.
  const Expr z = q.logvar.valid() ? q.sample(s / "measure" / "noise") : q.mean;
  const Expr params = view.decode(s, z);
  Expr loss = sum(view.likelihood.nll(params, x));
  if (q.logvar.valid()) loss = loss + sum(q.kl_standard());
  std::vector<Expr> weights;
  for (const Expr slot : g.slots("")) {
    const Shape& shape = slot.shape();
    if (slot.dtype() == DType::f32 && shape.rank() == 2 && shape[1] != view.latent &&
        shape[1] != params.dim(-1))
      weights.push_back(slot);
  }
  if (weights.empty()) return {};
  const std::vector<Expr> gradients = grad(loss, weights);
  for (size_t i = 0; i < weights.size(); ++i)
    g.fetch(g.name_of(weights[i]), max_over(abs(gradients[i]), {0}));
  Plan plan(g, model.weights(), {.threads = 1});
  std::vector<std::vector<bool>> moved(weights.size());
  for (size_t i = 0; i < weights.size(); ++i)
    moved[i].resize(static_cast<size_t>(weights[i].dim(1)));
  std::vector<int32_t> ids(kGradientRows);
  for (int64_t at = 0; at < rows.size(); at += kGradientRows) {
    for (int64_t i = 0; i < kGradientRows; ++i)
      ids[static_cast<size_t>(i)] =
          rows.rows[static_cast<size_t>(at + i < rows.size() ? at + i : at)];
    rows.read(ids, plan.feed("x").data());
    feed_labels(plan, rows, ids);
    plan.run();
    for (size_t i = 0; i < weights.size(); ++i) {
      const auto largest = plan.fetch(g.name_of(weights[i]));
      for (size_t j = 0; j < largest.size(); ++j)
        if (largest[j] != 0) moved[i][j] = true;
    }
  }
  std::vector<DeadUnits> layers;
  for (size_t i = 0; i < weights.size(); ++i) {
    const auto dead = std::ranges::count(moved[i], false);
    if (dead > 0) layers.push_back({layer_of(g.name_of(weights[i])), dead, std::ssize(moved[i])});
  }
  return layers;
}

}  // namespace

Evidence gather_evidence(Evaluator& model, const RowSource& training, const RowSource* validation,
                         const EvidenceOptions& options) {
  const ModelView& view = model.view();
  const RowSource rows = some_rows(training, options.most_rows);
  Evidence e{.inputs = view.inputs,
             .latent = view.latent,
             .rows = rows.size(),
             .likelihood = view.likelihood.name,
             .has_posterior = model.has_posterior(),
             .conditional = view.classes > 0,
             .beta = options.beta,
             .trained = options.trained,
             .discriminator_accuracy = options.discriminator_accuracy,
             .codebook = options.codebook};
  std::vector<float> x(static_cast<size_t>(rows.size() * view.inputs));
  rows.read(rows.rows, x.data());
  describe_rows(x, rows, e);
  e.units = unit_statistics(model.codes(rows));
  if (active_units(e.units) == 0) e.largest_eigenvalue = largest_eigenvalue(x, view.inputs);
  e.output_variance = mean_variance(model.reconstruct(rows), view.inputs);
  e.dead = dead_units(model, rows);
  const bool held_out = validation && validation->size() > 0;
  const RowSource held = held_out ? some_rows(*validation, options.most_rows) : RowSource{};
  const std::optional<double> sigma = model.sigma_of(rows);
  e.noise_variance = noise_of(view.likelihood, sigma);
  if (!e.has_posterior) {
    e.training = mean_of(model.reconstruction_nll(rows, sigma));
    if (held_out) e.validation = mean_of(model.reconstruction_nll(held, sigma));
    return e;
  }
  const Elbo elbo = model.elbo(rows, 1, sigma);
  e.nll = mean_of(elbo.nll).value;
  e.kl = mean_of(elbo.kl).value;
  e.training = elbo.negative_elbo();
  if (held_out) e.validation = model.elbo(held, 1, sigma).negative_elbo();
  return e;
}

}  // namespace latent::measure
