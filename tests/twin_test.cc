// Ten training steps of the reference VAE from fixed weights, rows and noise, three times: a
// PyTorch twin in float64 (twins/seed_vae.py, whose results are stored), the double reference, and
// the plan in float32.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "latent/latent.h"

namespace latent {
namespace {

constexpr int64_t kRows = 32;

/// The twin's numbers(): scale * u, u a fixed scramble of the index in [-1/2, 1/2].
std::vector<double> numbers(int64_t n, int64_t stream, double scale, double shift = 0) {
  std::vector<double> v;
  for (int64_t i = 0; i < n; ++i) {
    v.push_back((static_cast<double>((i * 7919 + stream * 104729) % 1021) / 1024 - 0.5) * scale +
                shift);
  }
  return v;
}

/// One step of seed-vae whose noise is the feed "eps".
void trace(Graph& g) {
  const Scope s(g, true);
  const Vae vae{{.inputs = 100, .hidden = {32}, .latent = 20, .likelihood = "squared_error"}};
  const Expr x = g.feed("x", {kRows, 100}), eps = g.feed("eps", {kRows, 20});
  const Gaussian q = vae.encode(s, x);
  const Expr out = vae.decode(s, q.mean + exp(0.5 * q.logvar) * eps);
  const Expr loss = mean(squared_error().nll(out, x)) + mean(q.kl_standard());
  minimize(g, loss, Adam{});
  g.fetch("loss", loss);
}

/// The weights in the order in which the twin numbers its streams.
std::vector<std::string> weights() {
  std::vector<std::string> names;
  for (const char* layer :
       {"encoder/0", "encoder/mean", "encoder/logvar", "decoder/0", "decoder/out"}) {
    for (const char* part : {"/weight", "/bias"}) names.push_back(std::string(layer) + part);
  }
  return names;
}

struct Training {
  std::vector<double> losses;
  std::map<std::string, std::vector<double>> weights;
};

Training by_reference() {
  Graph g;
  trace(g);
  Reference r(g);
  int64_t stream = 100;
  for (const std::string& name : weights()) {
    for (const Expr& slot : g.slots(name)) {
      r.set(name, numbers(slot.shape().elements(), stream, 0.5));
    }
    ++stream;
  }
  Training run;
  for (int64_t step = 0; step < 10; ++step) {
    r.set("x", numbers(kRows * 100, step, 1, 0.5));
    r.set("eps", numbers(kRows * 20, 50 + step, 4));
    r.run();
    run.losses.push_back(r.fetch("loss")[0]);
  }
  for (const std::string& name : weights()) run.weights[name] = r.get(name);
  return run;
}

Training by_plan() {
  Graph g;
  trace(g);
  Slots slots;
  Plan plan(g, slots, {.threads = 1});
  int64_t stream = 100;
  for (const std::string& name : weights()) {
    const auto to = slots.at(name).span<float>();
    const std::vector<double> v = numbers(static_cast<int64_t>(to.size()), stream++, 0.5);
    std::copy(v.begin(), v.end(), to.begin());
  }
  Training run;
  for (int64_t step = 0; step < 10; ++step) {
    const std::vector<double> x = numbers(kRows * 100, step, 1, 0.5),
                              eps = numbers(kRows * 20, 50 + step, 4);
    std::copy(x.begin(), x.end(), plan.feed("x").begin());
    std::copy(eps.begin(), eps.end(), plan.feed("eps").begin());
    plan.run();
    run.losses.push_back(plan.scalar("loss"));
  }
  for (const std::string& name : weights()) {
    const auto v = slots.at(name).span<float>();
    run.weights[name].assign(v.begin(), v.end());
  }
  return run;
}

/// `loss` is relative, `weight` absolute: Adam's first steps have the size of the rate, 1e-3,
/// whatever the gradient's, so a relative error of the gradient is one of 1e-3.
void expect_twin(const Training& run, double loss, double weight) {
  std::ifstream file(std::string(LATENT_SOURCE_DIR) + "/tests/twins/seed_vae.json");
  const nlohmann::json twin = nlohmann::json::parse(file);
  ASSERT_EQ(twin["losses"].size(), run.losses.size());
  for (size_t i = 0; i < run.losses.size(); ++i) {
    const double expected = twin["losses"][i];
    EXPECT_NEAR(run.losses[i], expected, loss * expected) << "step " << i;
  }
  EXPECT_LT(run.losses.back(), run.losses.front());
  ASSERT_EQ(twin["weights"].size(), run.weights.size());
  for (const auto& [name, v] : run.weights) {
    const auto& expected = twin["weights"][name];
    double sum = 0, squares = 0;
    for (double x : v) {
      sum += x;
      squares += x * x;
    }
    const double bound = weight * std::sqrt(static_cast<double>(v.size()));
    EXPECT_NEAR(sum, expected["sum"].get<double>(), bound) << name;
    EXPECT_NEAR(squares, expected["squares"].get<double>(), bound) << name;
    for (size_t i = 0; i < 4; ++i)
      EXPECT_NEAR(v[i], expected["first"][i].get<double>(), weight) << name << "[" << i << "]";
  }
}

TEST(Twin, TheReferenceTrainsAsPyTorchInDouble) { expect_twin(by_reference(), 1e-12, 1e-11); }

TEST(Twin, ThePlanTrainsAsPyTorchInFloat) { expect_twin(by_plan(), 2e-6, 2e-5); }

TEST(Twin, ThePlanTrainsAsTheReference) {
  const Training plan = by_plan(), reference = by_reference();
  for (size_t i = 0; i < plan.losses.size(); ++i)
    EXPECT_NEAR(plan.losses[i], reference.losses[i], 2e-6 * reference.losses[i]) << "step " << i;
  for (const auto& [name, v] : plan.weights) {
    for (size_t i = 0; i < v.size(); ++i)
      EXPECT_NEAR(v[i], reference.weights.at(name)[i], 5e-5) << name << "[" << i << "]";
  }
}

}  // namespace
}  // namespace latent
