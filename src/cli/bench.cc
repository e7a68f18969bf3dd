// latent bench: how fast this machine trains the three dense reference nets, in a few seconds.
// `./dev bench` measures them, and larger ones, on the shared data and beside hand-written steps.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/team.h"
#include "cli/help.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "latent/models.h"
#include "latent/optim.h"
#include "latent/plan.h"
#include "train/machine.h"

namespace latent::cli {

namespace {

struct BenchFlags {
  double seconds = 0.5;
  int64_t threads = 0;
  bool json = false;
};

struct Net {
  const char *name, *what;
  int64_t inputs, batch;
  Expr (*loss)(const Scope&, Expr x);
};

constexpr Net kNets[] = {
    {"seed-ae", "autoencoder 100-32-100-32-100, 32 rows a step", 100, 32,
     [](const Scope& s, Expr x) {
       return Autoencoder{{.inputs = 100, .hidden = {32}, .latent = 100}}.loss(s, {.x = x}).total;
     }},
    {"seed-vae", "VAE 100-32-20-32-100, 32 rows a step", 100, 32,
     [](const Scope& s, Expr x) {
       return Vae{{.inputs = 100, .hidden = {32}, .latent = 20, .likelihood = "squared_error"}}
           .loss(s, {.x = x})
           .total;
     }},
    {"mlp-vae", "VAE 784-400-20-400-784, 128 rows a step", 784, 128,
     [](const Scope& s, Expr x) {
       return Vae{{.inputs = 784, .hidden = {400}, .latent = 20}}.loss(s, {.x = x}).total;
     }},
};

struct Speed {
  double seconds = 0;  // a step
  double flops = 0;    // of a step
};

/// Of whole training steps, forward, backward and Adam: the best of five stretches.
Speed measure_speed(const Net& net, int threads, double seconds) {
  using Clock = std::chrono::steady_clock;
  Graph g;
  const Expr loss = net.loss(Scope(g, true), g.feed("x", {net.batch, net.inputs}));
  minimize(g, loss, Adam{});
  g.fetch("loss", loss);
  Slots slots;
  Plan plan(g, slots, {.threads = threads});
  int64_t i = 0;
  for (float& v : plan.feed("x")) v = static_cast<float>(i++ * 37 % 101) / 101;
  constexpr int kStretches = 5, kWarm = 3;
  for (int warm = 0; warm < kWarm; ++warm) plan.run();
  Speed best{.seconds = INFINITY, .flops = plan.stats().flops};
  for (int stretch = 0; stretch < kStretches; ++stretch) {
    const auto begin = Clock::now();
    double passed = 0;
    int64_t steps = 0;
    for (; passed < seconds / kStretches; ++steps) {
      plan.run();
      passed = std::chrono::duration<double>(Clock::now() - begin).count();
    }
    best.seconds = std::min(best.seconds, passed / static_cast<double>(steps));
  }
  return best;
}

int run(const BenchFlags& flags) {
  const int most = flags.threads > 0 ? static_cast<int>(flags.threads) : default_threads();
  std::vector<int> counts = {1};
  if (most > 1) counts.push_back(most);
  nlohmann::json j = {{"machine", machine_line()}, {"nets", nlohmann::json::array()}};
  if (!flags.json) {
    tell(fmt::format("{}\n", machine_line()));
    tell(fmt::format("{:<9}  {:>7}  {:>9}  {:>9}  {:>8}\n", "net", "threads", "ms/step", "steps/s",
                     "Gflop/s"));
  }
  flush_stdout();  // also into a pipe, where measuring would hold the first lines back
  for (const Net& net : kNets) {
    for (const int threads : counts) {
      const Speed s = measure_speed(net, threads, flags.seconds);
      j["nets"].push_back({{"name", net.name},
                           {"what", net.what},
                           {"threads", threads},
                           {"seconds_per_step", s.seconds},
                           {"flops_per_step", s.flops}});
      if (!flags.json)
        tell(fmt::format("{:<9}  {:>7}  {:>9.4f}  {:>9.0f}  {:>8.1f}\n", net.name, threads,
                         1e3 * s.seconds, 1 / s.seconds, s.flops / s.seconds / 1e9));
    }
  }
  if (flags.json) print_json(j);
  return 0;
}

}  // namespace

Action add_bench(Flags& flags) {
  auto asked = std::make_shared<BenchFlags>();
  flags.add("--seconds", "S", asked->seconds, "of measuring a net on a number of threads",
            {0.001, 600});
  add_threads(flags, asked->threads);
  flags.add("--json", asked->json, "as JSON");
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
