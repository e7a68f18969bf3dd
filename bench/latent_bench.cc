// The engine on the shared speed workloads: seed-ae, seed-vae, mlp-vae. Prints one JSON line: the
// median over epochs of an epoch's wall time over its steps, gathering the batch included, after
// two untimed epochs.
//   latent_bench --workload NAME --threads N [--dtype bf16] [--data DIR] [--epochs E] [--explain]
//   [--profile]
#include <sys/resource.h>
#include <zlib.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "latent/latent.h"

using namespace latent;

namespace {

struct Options {
  std::string workload, data = "../shared/data";
  int threads = 1, epochs = 0;
  bool bf16 = false, explain = false, profile = false;
};

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const auto value = [&]() -> std::string {
      if (i + 1 == argc) throw UsageError(flag + " needs a value");
      return argv[++i];
    };
    if (flag == "--workload")
      o.workload = value();
    else if (flag == "--threads")
      o.threads = std::stoi(value());
    else if (flag == "--epochs")
      o.epochs = std::stoi(value());
    else if (flag == "--data")
      o.data = value();
    else if (flag == "--dtype")
      o.bf16 = value() == "bf16";
    else if (flag == "--explain")
      o.explain = true;
    else if (flag == "--profile")
      o.profile = true;
    else
      throw UsageError("unknown flag " + flag);
  }
  return o;
}

/// Rows of one array, uint8 kept as it is stored.
struct Rows {
  int64_t count = 0, width = 0;
  std::vector<float> values;
  std::vector<uint8_t> bytes;

  void gather(const int32_t* rows, int64_t n, float* dst) const {
    for (int64_t r = 0; r < n; ++r) {
      if (bytes.empty()) {
        std::memcpy(dst + r * width, values.data() + rows[r] * width,
                    static_cast<size_t>(width) * 4);
      } else {
        const uint8_t* src = bytes.data() + rows[r] * width;
        for (int64_t i = 0; i < width; ++i)
          dst[r * width + i] = static_cast<float>(src[i]) * (1.0f / 255.0f);
      }
    }
  }
};

Rows load(const Options& o) {
  Rows rows;
  if (o.workload == "mlp-vae") {
    rows.count = 12800;
    rows.width = 784;
    rows.bytes.resize(static_cast<size_t>(rows.count * rows.width));
    const std::string path = o.data + "/mnist/train-images-idx3-ubyte.gz";
    gzFile file = gzopen(path.c_str(), "rb");
    char header[16];
    const bool good = file && gzread(file, header, 16) == 16 &&
                      gzread(file, rows.bytes.data(), static_cast<unsigned>(rows.bytes.size())) ==
                          static_cast<int>(rows.bytes.size());
    if (file) gzclose(file);
    if (!good) throw DataError("12800 images of MNIST were expected", path);
  } else {
    rows.count = 1000;
    rows.width = 100;
    rows.values.resize(100000);
    std::mt19937_64 random(0);
    for (float& v : rows.values) v = static_cast<float>(random() >> 40) * 0x1p-24f;
  }
  return rows;
}

Expr loss_of(const std::string& workload, const Scope& s, Expr x) {
  if (workload == "seed-ae") {
    const Autoencoder net{{.inputs = 100, .hidden = {32}, .latent = 100}};
    return net.loss(s, {.x = x}).total;
  }
  if (workload == "seed-vae") {
    const Vae net{{.inputs = 100, .hidden = {32}, .latent = 20, .likelihood = "squared_error"}};
    return net.loss(s, {.x = x}).total;
  }
  if (workload == "mlp-vae") {
    const Vae net{{.inputs = 784, .hidden = {400}, .latent = 20}};
    return net.loss(s, {.x = x}).total;
  }
  throw UsageError("unknown workload \"" + workload + "\"; there are seed-ae, seed-vae, mlp-vae");
}

int run(const Options& o) {
  using Clock = std::chrono::steady_clock;
  const Rows data = load(o);
  const int64_t batch = o.workload == "mlp-vae" ? 128 : 32;
  Slots slots(1);
  const auto begin = Clock::now();
  PlanFamily plans(slots,
                   [&](Graph& g, int64_t n) {
                     const Scope s(g, true);
                     const Expr loss = loss_of(o.workload, s, g.feed("x", {n, data.width}));
                     minimize(g, loss, Adam{});
                     g.fetch("loss", loss);
                   },
                   {.threads = o.threads, .bf16 = o.bf16});
  plans.at(batch);
  const double plan_ms = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  if (o.explain)
    std::fprintf(stderr, "%splanned in %.1f ms\n", plans.at(batch).explain().c_str(), plan_ms);

  std::vector<int32_t> order(static_cast<size_t>(data.count));
  std::iota(order.begin(), order.end(), 0);
  std::mt19937_64 random(1);
  const int64_t steps = (data.count + batch - 1) / batch;
  const auto epoch = [&] {
    std::shuffle(order.begin(), order.end(), random);
    double total = 0;
    for (int64_t at = 0; at < data.count; at += batch) {
      const int64_t n = std::min(batch, data.count - at);
      Plan& plan = plans.at(n);
      data.gather(order.data() + at, n, plan.feed("x").data());
      plan.run();
      total += plan.scalar("loss") * static_cast<double>(n);
    }
    return total / static_cast<double>(data.count);
  };
  std::vector<double> micros;
  double third = 0, elapsed = 0;
  for (int e = 0;; ++e) {
    if (o.epochs ? e == o.epochs : e >= 5 && elapsed >= 3e6) break;
    const auto start = Clock::now();
    const double loss = epoch();
    const double us = std::chrono::duration<double, std::micro>(Clock::now() - start).count();
    if (e == 2 || e == 0) third = loss;
    if (e < 2 && !o.epochs) continue;
    elapsed += us;
    micros.push_back(us / static_cast<double>(steps));
  }
  std::nth_element(micros.begin(), micros.begin() + static_cast<ptrdiff_t>(micros.size() / 2),
                   micros.end());
  if (o.profile) std::fputs(plans.at(batch).profile(1000).c_str(), stderr);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"engine\": \"latent\", \"workload\": \"%s\", \"threads\": %d, \"step_us\": %.2f, "
      "\"peak_rss_mb\": %.1f, \"loss_epoch_3\": %.9g, \"plan_ms\": %.1f}\n",
      o.workload.c_str(), o.threads, micros[micros.size() / 2],
      static_cast<double>(usage.ru_maxrss) / 1024, third, plan_ms);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse(argc, argv));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "latent_bench: %s\n", e.what());
    return 2;
  }
}
