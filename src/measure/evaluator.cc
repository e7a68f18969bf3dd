// Plans of fixed size over pieces of rows; see evaluator.h. Every piece has the same number of
// rows, the last filled up, so that a row goes through the same kernels wherever it stands: that
// makes its result independent of the others to the bit.
#include "measure/evaluator.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "latent/ops.h"
#include "measure/log_weights.h"

namespace latent::measure {

namespace {

constexpr int64_t kPiece = 128;
constexpr double kLeastSigma = 1e-3;
constexpr int64_t kMostSigmaRows = 4096;
const std::string kRowFeed = "row:" + std::to_string(kPiece);

double sum_in_order(std::span<const double> v) {
  double s = 0;
  for (const double x : v) s += x;
  return s;
}

}  // namespace

Estimate mean_of(std::span<const double> rows) {
  if (rows.empty()) throw UsageError("a mean over no rows was asked for");
  const auto n = static_cast<double>(rows.size());
  Estimate e{.value = sum_in_order(rows) / n};
  double squares = 0;
  for (const double x : rows) squares += (x - e.value) * (x - e.value);
  e.error = rows.size() > 1 ? std::sqrt(squares / (n - 1) / n) : 0;
  return e;
}

Estimate ratio_of(std::span<const double> rows, std::span<const double> by) {
  const double mean = mean_of(by).value, ratio = mean_of(rows).value / mean;
  std::vector<double> rest(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) rest[i] = rows[i] - ratio * by[i];
  return {.value = ratio, .error = mean_of(rest).error / mean};
}

std::vector<double> Elbo::rows() const {
  std::vector<double> both(nll.size());
  std::ranges::transform(nll, kl, both.begin(), std::plus<>());
  return both;
}

double Iwae::mean_bound() const { return mean_of(bound).value; }
double Iwae::log_likelihood() const { return mean_bound() + mean_of(variance).value / 2; }
double Iwae::bar() const {
  return 1.96 * std::sqrt(sum_in_order(variance)) / static_cast<double>(variance.size());
}

int64_t Iwae::weak_rows() const {
  constexpr double kLeastDraws = 10;
  const auto k = static_cast<double>(samples);
  return std::ranges::count_if(variance, [k](double v) { return k / (1 + k * v) < kLeastDraws; });
}

struct Evaluator::Impl {
  ModelView view;
  EvalOptions options;
  Slots slots;
  std::unique_ptr<Plan> encoder, reconstructor;
  std::unique_ptr<Plan> decoder;  // of one draw, under the likelihood of decoder_sigma
  std::optional<double> decoder_sigma;
  bool has_posterior = false;

  Impl(ModelView v, EvalOptions o) : view(std::move(v)), options(o), slots(o.seed) {}

  void copy_weights(const Graph& graph, const Slots& from) {
    for (const Expr slot : graph.slots("")) {
      const std::string name = graph.name_of(slot);
      if (!slots.has(name)) slots.set(name, from.at(name).clone());
    }
  }

  Expr x_feed(Graph& g) const { return g.feed("x", {kPiece, view.inputs}); }

  Gaussian trace_encoder(Graph& g) const {
    const Gaussian q = view.encode(Scope(g, false), x_feed(g));
    g.fetch("mean", q.mean);
    if (q.logvar.valid()) {
      g.fetch("logvar", q.logvar);
      g.fetch("kl", q.kl_standard());
    }
    return q;
  }

  // One draw z ~ N(mean, e^logvar) for each row, by the row's id and the sample's number.
  void trace_decoder(Graph& g, const Likelihood& likelihood) const {
    const Scope s(g, false);
    const Expr x = x_feed(g);
    const Gaussian q{g.feed("mean", {kPiece, view.latent}),
                     g.feed("logvar", {kPiece, view.latent})};
    const Expr z = q.sample(s / "measure" / "noise");
    g.fetch("z", z);
    g.fetch("nll", likelihood.nll(view.decode(s, z), x));
    g.fetch("log_ratio", -kl_monte_carlo(q, z));  // log N(z; 0, I) - log q(z|x)
  }

  void trace_reconstruction(Graph& g) const {
    const Scope s(g, false);
    const Expr x = x_feed(g), z = view.encode(s, x).mean, params = view.decode(s, z);
    g.fetch("mean", view.likelihood.mean(params));
    g.fetch("nll", view.likelihood.nll(params, x));
    g.fetch("squares", sum(square(view.likelihood.mean(params) - x), {1}));
    if (view.prior_nll) g.fetch("code_nll", view.prior_nll(s, z));
  }

  std::unique_ptr<Plan> plan(const Graph& g) {
    return std::make_unique<Plan>(g, slots, CompileOptions{.threads = options.threads});
  }

  Plan& encoding() {
    if (!encoder) {
      Graph g;
      trace_encoder(g);
      encoder = plan(g);
    }
    return *encoder;
  }
  Plan& reconstruction() {
    if (!reconstructor) {
      Graph g;
      trace_reconstruction(g);
      reconstructor = plan(g);
    }
    return *reconstructor;
  }
  Plan& decoding(const Likelihood& likelihood, std::optional<double> sigma) {
    if (!decoder || decoder_sigma != sigma) {
      Graph g;
      trace_decoder(g, likelihood);
      decoder = plan(g);
      decoder_sigma = sigma;
    }
    return *decoder;
  }

  // Calls f(first place in rows, number of rows) for each piece, x and row ids being fed to `plan`.
  template <class F>
  void pieces(Plan& plan, const RowSource& rows, const F& f) {
    std::vector<int32_t> ids(static_cast<size_t>(kPiece));
    for (int64_t at = 0; at < rows.size(); at += kPiece) {
      const int64_t n = std::min(kPiece, rows.size() - at);
      for (int64_t i = 0; i < kPiece; ++i)
        ids[static_cast<size_t>(i)] = rows.rows[static_cast<size_t>(i < n ? at + i : at)];
      rows.read(ids, plan.feed("x").data());
      feed_labels(plan, rows, ids);
      f(static_cast<size_t>(at), static_cast<size_t>(n), ids);
    }
  }

  // Calls f(place, n, decoder) after each draw of each piece: samples first .. first + count - 1,
  // in order. `start` is called at the start of each piece with the posterior's plan.
  template <class Start, class F>
  void draw(const RowSource& rows, int64_t first, int64_t count, Plan& decode, const Start& start,
            const F& f) {
    Plan& encode = encoding();
    pieces(encode, rows, [&](size_t at, size_t n, std::span<const int32_t> ids) {
      encode.run();
      start(at, n, encode);
      std::ranges::copy(encode.feed("x"), decode.feed("x").begin());
      feed_labels(decode, rows, ids);
      decode.feed("mean", encode.fetch("mean"));
      decode.feed("logvar", encode.fetch("logvar"));
      decode.feed(kRowFeed, ids);
      for (int64_t k = first; k < first + count; ++k) {
        slots.counter("step") = k;  // the fourth word of the noise's counter
        decode.run();
        f(at, n, decode);
      }
    });
  }

  // The decoder's plan for these rows: gaussian_optimal becomes gaussian_fixed at its sigma.
  Plan& settled(const RowSource& rows, std::optional<double>& sigma) {
    if (view.likelihood.name != "gaussian_optimal") {
      sigma.reset();
      return decoding(view.likelihood, {});
    }
    if (!sigma) {
      double sum = 0;
      draw(
          rows, 0, 1, decoding(squared_error(), {}), [](size_t, size_t, Plan&) {},
          [&](size_t, size_t n, Plan& p) {
            for (const float v : p.fetch("nll").first(n)) sum += static_cast<double>(v);
          });
      sigma = sigma_from(sum / static_cast<double>(rows.size()));
    }
    return decoding(gaussian_fixed(*sigma), sigma);
  }

  // From the squares of a row, in the mean.
  double sigma_from(double squares) const {
    return std::max(kLeastSigma, std::sqrt(squares / static_cast<double>(view.inputs)));
  }

  // What the plan of reconstructions gives of each row under this name, [rows].
  std::vector<double> of_rows(const RowSource& rows, const char* fetch) {
    check_rows(rows);
    Plan& plan = reconstruction();
    std::vector<double> all;
    pieces(plan, rows, [&](size_t, size_t n, std::span<const int32_t>) {
      plan.run();
      const auto values = plan.fetch(fetch).first(n);
      all.insert(all.end(), values.begin(), values.end());
    });
    return all;
  }

  static void check_rows(const RowSource& rows) {
    if (rows.rows.empty()) throw UsageError("a measure over no rows was asked for");
  }
  void check_posterior(const RowSource& rows, int64_t samples) const {
    check_rows(rows);
    if (samples < 1)
      throw UsageError(std::to_string(samples) + " draws of a code a row; it takes at least 1");
    if (!has_posterior)
      throw UsageError("the model is an autoencoder: it has no posterior to draw from and no ELBO");
  }
};

Evaluator::Evaluator(ModelView view, const Slots& weights, EvalOptions options)
    : impl_(std::make_unique<Impl>(std::move(view), options)) {
  Graph encoder, whole;
  const Gaussian q = impl_->trace_encoder(encoder);
  if (q.mean.shape() != Shape{kPiece, impl_->view.latent})
    throw UsageError("the encoder gives codes " + q.mean.shape().text() + ", not of " +
                     std::to_string(impl_->view.latent) + " units");
  impl_->has_posterior = q.logvar.valid();
  impl_->copy_weights(encoder, weights);
  impl_->trace_reconstruction(whole);
  impl_->copy_weights(whole, weights);
}
Evaluator::~Evaluator() = default;
Evaluator::Evaluator(Evaluator&&) noexcept = default;

const ModelView& Evaluator::view() const { return impl_->view; }
bool Evaluator::has_posterior() const { return impl_->has_posterior; }
Slots& Evaluator::weights() { return impl_->slots; }

Codes Evaluator::codes(const RowSource& rows) {
  Impl::check_rows(rows);
  Plan& encode = impl_->encoding();
  Codes codes{.latent = impl_->view.latent};
  const auto width = static_cast<size_t>(codes.latent);
  impl_->pieces(encode, rows, [&](size_t, size_t n, std::span<const int32_t>) {
    encode.run();
    const auto append = [&](const char* fetch, std::vector<float>& to) {
      const auto values = encode.fetch(fetch).first(n * width);
      to.insert(to.end(), values.begin(), values.end());
    };
    append("mean", codes.mean);
    if (impl_->has_posterior) append("logvar", codes.logvar);
  });
  return codes;
}

std::vector<float> Evaluator::draws(const RowSource& rows, int64_t sample) {
  impl_->check_posterior(rows, 1);
  std::optional<double> sigma;
  Plan& decode = impl_->settled(rows, sigma);
  std::vector<float> z;
  const auto width = static_cast<size_t>(impl_->view.latent);
  impl_->draw(
      rows, sample, 1, decode, [](size_t, size_t, Plan&) {},
      [&](size_t, size_t n, Plan& p) {
        const auto values = p.fetch("z").first(n * width);
        z.insert(z.end(), values.begin(), values.end());
      });
  return z;
}

std::optional<double> Evaluator::sigma_of(const RowSource& rows) {
  if (impl_->view.likelihood.name != "gaussian_optimal") return {};
  Impl::check_rows(rows);
  const RowSource some = some_rows(rows, kMostSigmaRows);
  if (!has_posterior()) return impl_->sigma_from(mean_of(impl_->of_rows(some, "squares")).value);
  std::optional<double> sigma;
  impl_->settled(some, sigma);
  return sigma;
}

Elbo Evaluator::elbo(const RowSource& rows, int64_t samples, std::optional<double> sigma) {
  impl_->check_posterior(rows, samples);
  Elbo elbo{.sigma = sigma};
  Plan& decode = impl_->settled(rows, elbo.sigma);
  elbo.nll.resize(rows.rows.size());
  elbo.kl.resize(rows.rows.size());
  impl_->draw(
      rows, 0, samples, decode,
      [&](size_t at, size_t n, Plan& encode) {
        const auto kl = encode.fetch("kl").first(n);
        std::ranges::copy(kl, elbo.kl.begin() + static_cast<ptrdiff_t>(at));
      },
      [&](size_t at, size_t n, Plan& p) {
        const auto nll = p.fetch("nll");
        for (size_t i = 0; i < n; ++i)
          elbo.nll[at + i] += static_cast<double>(nll[i]) / static_cast<double>(samples);
      });
  return elbo;
}

Iwae Evaluator::iwae(const RowSource& rows, int64_t samples, std::optional<double> sigma) {
  impl_->check_posterior(rows, samples);
  Iwae iwae{.samples = samples, .sigma = sigma};
  Plan& decode = impl_->settled(rows, iwae.sigma);
  std::vector<LogWeights> sums(rows.rows.size());
  impl_->draw(
      rows, 0, samples, decode, [](size_t, size_t, Plan&) {},
      [&](size_t at, size_t n, Plan& p) {
        const auto nll = p.fetch("nll"), log_ratio = p.fetch("log_ratio");
        for (size_t i = 0; i < n; ++i)
          sums[at + i].add(static_cast<double>(log_ratio[i]) - static_cast<double>(nll[i]));
      });
  for (const LogWeights& s : sums) {
    iwae.bound.push_back(s.log_mean());
    iwae.variance.push_back(s.relative_variance());
  }
  return iwae;
}

std::vector<float> Evaluator::reconstruct(const RowSource& rows) {
  Impl::check_rows(rows);
  Plan& plan = impl_->reconstruction();
  std::vector<float> means;
  const auto width = static_cast<size_t>(impl_->view.inputs);
  impl_->pieces(plan, rows, [&](size_t, size_t n, std::span<const int32_t>) {
    plan.run();
    const auto values = plan.fetch("mean").first(n * width);
    means.insert(means.end(), values.begin(), values.end());
  });
  return means;
}

std::vector<double> Evaluator::reconstruction_nll(const RowSource& rows,
                                                  std::optional<double> sigma) {
  if (impl_->view.likelihood.name != "gaussian_optimal") return impl_->of_rows(rows, "nll");
  std::vector<double> losses = impl_->of_rows(rows, "squares");
  const double deviation = sigma ? *sigma : impl_->sigma_from(mean_of(losses).value),
               variance = deviation * deviation;
  const auto width = static_cast<double>(impl_->view.inputs);
  for (double& v : losses) v = 0.5 * (v / variance + width * std::log(2 * M_PI * variance));
  return losses;
}

std::vector<double> Evaluator::code_nll(const RowSource& rows) {
  if (!impl_->view.prior_nll)
    throw UsageError("the model has no prior of its own that its codes have a probability under");
  return impl_->of_rows(rows, "code_nll");
}

}  // namespace latent::measure
