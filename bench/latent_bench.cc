// The engine on the shared speed workloads seed-ae, seed-vae and mlp-vae; flags and output as
// workload.h says.
#include <chrono>
#include <cstdio>
#include <string>

#include "latent/latent.h"
#include "workload.h"

using namespace latent;

namespace {

Expr loss_of(const std::string& workload, const Scope& s, Expr x) {
  if (workload == "seed-ae") {
    const Autoencoder net{{.inputs = 100, .hidden = {32}, .latent = 100}};
    return net.loss(s, {.x = x}).total;
  }
  if (workload == "seed-vae") {
    const Vae net{{.inputs = 100, .hidden = {32}, .latent = 20, .likelihood = "squared_error"}};
    return net.loss(s, {.x = x}).total;
  }
  const Vae net{{.inputs = 784, .hidden = {400}, .latent = 20}};
  return net.loss(s, {.x = x}).total;
}

void run(bench::Options o) {
  const bench::Rows data = bench::load(o);
  Slots slots(1);
  const auto begin = std::chrono::steady_clock::now();
  PlanFamily plans(slots,
                   [&](Graph& g, int64_t n) {
                     const Scope s(g, true);
                     const Expr loss = loss_of(o.workload, s, g.feed("x", {n, data.width}));
                     minimize(g, loss, Adam{});
                     g.fetch("loss", loss);
                   },
                   {.threads = o.threads, .bf16 = o.bf16});
  plans.at(data.batch);
  const double plan_ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  if (o.explain) std::fputs(plans.at(data.batch).explain().c_str(), stderr);
  char more[64];
  std::snprintf(more, sizeof more, ", \"plan_ms\": %.1f", plan_ms);
  bench::measure(
      o, "latent", data,
      [&](const int32_t* rows, int64_t n) {
        Plan& plan = plans.at(n);
        data.gather(rows, n, plan.feed("x").data());
        plan.run();
        return plan.scalar("loss");
      },
      more);
  if (o.profile) std::fputs(plans.at(data.batch).profile(200).c_str(), stderr);
}

}  // namespace

int main(int argc, char** argv) { return bench::run_main(argc, argv, run); }
