// Likelihoods; see latent/dist.h.
#include <cmath>
#include <map>

#include "base/near.h"
#include "latent/dist.h"
#include "latent/ops.h"

namespace latent {

namespace {

constexpr double kLogTwoPi = 1.8378770664093453;  // ln(2 pi)

Expr sum_rows(Expr x) {  // [n, ...] -> [n]
  Axes axes;
  for (int i = 1; i < x.shape().rank(); ++i) axes.push_back(i);
  return axes.empty() ? x : sum(x, axes);
}

Expr same(Arg params) { return params.expr(); }

Expr bernoulli_nll(Arg l, Arg x) {
  At at(l.where());
  return sum_rows(softplus(l) - l * x);
}

/// A draw by inversion: 1 with the probability given.
Expr coin(const Scope& s, Expr probability) {
  return greater(probability, uniform(s, probability.shape()));
}

Expr gaussian_nll(Expr mean, Expr logvar, Arg x) {
  return 0.5 * sum_rows(square(x - mean) * exp(-logvar) + logvar + kLogTwoPi);
}

/// Parameters of a location and a log of its scale, each [n, d]. The logarithm has a floor: without
/// one a few large units before the last layer give scales of e^-20, losses of 1e11 and steps from
/// which training does not come back.
struct Located {
  Expr mean, log_scale;
};
Located located(Arg params, double least) {
  const std::vector<Expr> h = split(params, 2);
  return {h[0], max(h[1], least)};
}
constexpr double kLeastLogVariance = -12;  // sigma e^-6, as sigma-VAE's: 0.6 of 255 levels
constexpr double kLeastLogScale = -7;      // as PixelCNN++'s: a bin is e^-4.8 wide, all mass in one

/// Log mass of the bin of x under a logistic, x and mean in [-1, 1], bins 2/255 wide.
Expr logistic_log_mass(Expr mean, Expr log_scale, Expr x) {
  const Expr inverse = exp(-log_scale);
  const Expr upper = (x - mean + 1.0 / 255) * inverse, lower = (x - mean - 1.0 / 255) * inverse;
  // sigmoid(u) - sigmoid(l) = (1 - e^-(u-l)) sigmoid(u) sigmoid(-l): no cancellation, and only
  // softplus in the logarithm.
  const Expr width = (2.0 / 255) * inverse;
  const Expr middle = log(-expm1(-width)) - softplus(-upper) - softplus(lower);
  const Expr first = -softplus(-upper), last = -softplus(lower);
  return where(greater(-0.999, x), first, where(greater(x, 0.999), last, middle));
}

}  // namespace

Likelihood bernoulli() {
  return {"bernoulli", 1, bernoulli_nll, [](Arg l) { return sigmoid(l); },
          [](const Scope& s, Arg l) { return coin(s, sigmoid(l)); }};
}

Likelihood gaussian_fixed(double sigma) {
  if (!(sigma > 0))
    throw UsageError("gaussian_fixed: sigma must be positive, found " + std::to_string(sigma));
  return {"gaussian_fixed", 1,
          [sigma](Arg m, Arg x) {
            At at(m.where());
            return 0.5 * sum_rows(square(x - m) * (1 / (sigma * sigma)) +
                                  (2 * std::log(sigma) + kLogTwoPi));
          },
          same, [sigma](const Scope& s, Arg m) { return m + sigma * normal(s, m.expr().shape()); }};
}

Likelihood gaussian_learned() {
  return {"gaussian",
          2,
          [](Arg p, Arg x) {
            At at(p.where());
            const Located h = located(p, kLeastLogVariance);
            return gaussian_nll(h.mean, h.log_scale, x);
          },
          [](Arg p) { return split(p, 2)[0]; },
          [](const Scope& s, Arg p) {
            const Located h = located(p, kLeastLogVariance);
            return Gaussian{h.mean, h.log_scale}.sample(s);
          },
          1};
}

Likelihood gaussian_optimal() {
  return {"gaussian_optimal", 1,
          [](Arg m, Arg x) {
            At at(m.where());
            const Expr error = square(x - m);
            const Expr variance = max(mean(error), 1e-6);
            return 0.5 * sum_rows(error / variance + log(variance) + kLogTwoPi);
          },
          same,
          // The error is not known when sampling; a draw is the mean, and says so by its
          // likelihood's name.
          [](const Scope&, Arg m) { return m.expr(); }};
}

Likelihood squared_error() {
  return {"squared_error", 1,
          [](Arg m, Arg x) {
            At at(m.where());
            return sum_rows(square(m - x));
          },
          same,
          [](const Scope& s, Arg m) { return m + std::sqrt(0.5) * normal(s, m.expr().shape()); }};
}

Likelihood laplace(double scale) {
  if (!(scale > 0))
    throw UsageError("laplace: scale must be positive, found " + std::to_string(scale));
  return {"laplace", 1,
          [scale](Arg m, Arg x) {
            At at(m.where());
            return sum_rows(abs(x - m) * (1 / scale) + std::log(2 * scale));
          },
          same,
          [scale](const Scope& s, Arg m) {
            const Expr u = uniform(s, m.expr().shape()) - 0.5;
            return m - scale * sign(u) * log1p(-2 * min(abs(u), 0.4999999));
          }};
}

Likelihood discretized_logistic() {
  return {"discretized_logistic",
          2,
          [](Arg p, Arg x) {
            At at(p.where());
            const Located h = located(p, kLeastLogScale);
            return -sum_rows(logistic_log_mass(h.mean, h.log_scale, 2 * x - 1));
          },
          [](Arg p) { return min(max(0.5 * split(p, 2)[0] + 0.5, 0), 1); },
          [](const Scope& s, Arg p) {
            const Located h = located(p, kLeastLogScale);
            const Expr u = min(max(uniform(s, h.mean.shape()), 1e-6), 1 - 1e-6);
            const Expr x = h.mean + exp(h.log_scale) * (log(u) - log1p(-u));
            return min(max(floor((0.5 * x + 0.5) * 255 + 0.5) * (1.0 / 255), 0), 1);
          },
          1};
}

namespace {

/// Parameters [n, 3 k d] of k logistics for each of d values, each [n, k, d].
struct LogisticMixture {
  Expr log_weights, means, log_scales;
};
LogisticMixture logistic_mixture(Arg p, int64_t k) {
  const Expr e = p.expr();
  const std::vector<Expr> parts = split(reshape(e, {e.dim(0), 3 * k, e.dim(1) / (3 * k)}), 3, 1);
  return {log_softmax(parts[0], 1), parts[1], max(parts[2], kLeastLogScale)};
}

}  // namespace

Likelihood discretized_logistic_mixture(int components) {
  const int64_t k = components;
  if (k < 1)
    throw UsageError("a mixture has at least one component, found " + std::to_string(components));
  return {"discretized_logistic_mixture",
          3 * components,
          [k](Arg p, Arg x) {
            At at(p.where());
            const LogisticMixture m = logistic_mixture(p, k);
            const Expr value = reshape(2 * x - 1, {x.expr().dim(0), 1, x.expr().dim(1)});
            return -sum_rows(
                logsumexp(m.log_weights + logistic_log_mass(m.means, m.log_scales, value), 1));
          },
          [k](Arg p) {
            const LogisticMixture m = logistic_mixture(p, k);
            return sum(exp(m.log_weights) * min(max(0.5 * m.means + 0.5, 0), 1), {1});
          },
          [k](const Scope& s, Arg p) {
            const LogisticMixture m = logistic_mixture(p, k);
            const int64_t n = m.means.dim(0), d = m.means.dim(2);
            // A component by the largest of log weight + Gumbel noise.
            const auto noise = [&](const char* name, Shape shape) {
              return min(max(uniform(s / name, shape), 1e-6), 1 - 1e-6);
            };
            const Expr gumbel = -log(-log(noise("component", {n, k, d})));
            const Expr last = transpose(m.log_weights + gumbel, {0, 2, 1});
            const Expr chosen = transpose(
                reshape(one_hot(argmax(reshape(last, {n * d, k})), k), {n, d, k}), {0, 2, 1});
            const Expr mean = sum(chosen * m.means, {1}),
                       scale = exp(sum(chosen * m.log_scales, {1}));
            const Expr u = noise("value", {n, d}), x = mean + scale * (log(u) - log1p(-u));
            return min(max(floor((0.5 * x + 0.5) * 255 + 0.5) * (1.0 / 255), 0), 1);
          },
          k};
}

Expr continuous_bernoulli_log_norm(Arg logits) {
  At at(logits.where());
  const Expr l = logits.expr();
  // With lambda = sigmoid(l): C = 2 atanh(1 - 2 lambda) / (1 - 2 lambda) = l / tanh(l / 2), even in
  // l. Near 0 its logarithm is ln 2 + l^2/12 - 7 l^4/1440 + 31 l^6/90720.
  const Expr near = greater(0.2, abs(l)), safe = where(near, 1, abs(l)),
             q = square(where(near, l, 0));
  const Expr taylor = 0.6931471805599453 + q * (1.0 / 12 + q * (-7.0 / 1440 + q * (31.0 / 90720)));
  const Expr far = log(safe) - log(tanh(0.5 * safe));
  return where(near, taylor, far);
}

Likelihood continuous_bernoulli() {
  return {"continuous_bernoulli", 1,
          [](Arg l, Arg x) {
            At at(l.where());
            return sum_rows(softplus(l) - l * x - continuous_bernoulli_log_norm(l));
          },
          [](Arg logits) {
            const Expr l = logits.expr();
            const Expr near = greater(0.2, abs(l)), safe = where(near, 1, l),
                       small = where(near, l, 0);
            const Expr far = 1 / (1 - exp(-safe)) - 1 / safe;
            return where(near, 0.5 + small * (1.0 / 12 - square(small) * (1.0 / 720)), far);
          },
          [](const Scope& s, Arg logits) {
            const Expr l = logits.expr(), u = uniform(s, l.shape());
            const Expr near = greater(0.001, abs(l)), safe = where(near, 1, l);
            return where(near, u, log1p(u * expm1(safe)) / safe);
          }};
}

Expr categorical_nll(Arg logits, Arg target) {
  At at(logits.where());
  const Expr l = log_softmax(logits);
  if (target.expr().dtype() == DType::i32) return -pick(l, target);
  return -sum(l * target, {-1});
}

Likelihood likelihood_named(const std::string& name) {
  static const std::map<std::string, Likelihood (*)()> table = {
      {"bernoulli", bernoulli},
      {"gaussian", gaussian_learned},
      {"gaussian_fixed", [] { return gaussian_fixed(1); }},
      {"gaussian_optimal", gaussian_optimal},
      {"squared_error", squared_error},
      {"laplace", [] { return laplace(1); }},
      {"discretized_logistic", discretized_logistic},
      {"discretized_logistic_mixture", [] { return discretized_logistic_mixture(); }},
      {"continuous_bernoulli", continuous_bernoulli},
  };
  const auto found = table.find(name);
  if (found != table.end()) return found->second();
  std::vector<std::string> names;
  for (const auto& [n, f] : table) names.push_back(n);
  throw UsageError("no likelihood is called \"" + name + "\"" + did_you_mean(name, names));
}

}  // namespace latent
