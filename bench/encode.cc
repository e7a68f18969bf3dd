// Encoding by a small convolutional model, as a program that serves it does: the 10,000 test
// pictures of MNIST in one call, and one picture a call. Prints a JSON line with the median over
// repetitions of the former, the median and the 99th percentile of the latter, scaling included.
//   encode [--threads N] [--data DIR] [--preset NAME] [--width W]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "latent/latent.h"

using namespace latent;

namespace {

struct Flags {
  std::string data = "../shared/data", preset = "allconv";
  int threads = 1;
  int64_t width = 32;
};

Flags parse(int argc, char** argv) {
  Flags f;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (i + 1 == argc) throw std::invalid_argument(flag + " needs a value");
    const std::string value = argv[++i];
    if (flag == "--threads")
      f.threads = std::max(1, std::atoi(value.c_str()));
    else if (flag == "--width")
      f.width = std::max(1, std::atoi(value.c_str()));
    else if (flag == "--data")
      f.data = value;
    else if (flag == "--preset")
      f.preset = value;
    else
      throw std::invalid_argument("unknown flag " + flag);
  }
  return f;
}

/// Seconds of each of at least `least` calls, in ascending order, for at least three seconds, after
/// `warm` untimed ones.
template <class F>
std::vector<double> times(int warm, size_t least, const F& f) {
  using Clock = std::chrono::steady_clock;
  for (int i = 0; i < warm; ++i) f();
  std::vector<double> seconds;
  for (const auto began = Clock::now();
       seconds.size() < least || Clock::now() - began < std::chrono::seconds(3);) {
    const auto at = Clock::now();
    f();
    seconds.push_back(std::chrono::duration<double>(Clock::now() - at).count());
  }
  std::ranges::sort(seconds);
  return seconds;
}
double percentile(const std::vector<double>& sorted, double p) {
  return sorted[static_cast<size_t>(p * static_cast<double>(sorted.size() - 1))];
}

void run(const Flags& f) {
  const Data data = Data::open(f.data + "/mnist/t10k-images-idx3-ubyte.gz");
  const std::vector<float> rows = data.values();
  const auto inputs = static_cast<size_t>(data.row_elements());
  const Vae vae{{.latent = 20, .encoder = f.preset, .width = f.width, .picture = {28, 28}}};
  // A few steps, so that the weights and running statistics are no initial ones.
  const Data few = Data::rows(std::span(rows).first(512 * inputs), data.row_shape());
  const Model model = train(vae, few, {.epochs = 1, .validation = 0, .threads = f.threads});
  int64_t work = 0;
  for (const LayerInfo& l : model.architecture().layers)
    work += l.scope.starts_with("encoder") ? l.multiply_adds : 0;
  const std::vector<double> all = times(2, 5, [&] { model.encode(rows); });
  size_t at = 0;
  const std::vector<double> one = times(100, 2000, [&] {
    model.encode(std::span(rows).subspan(at * inputs, inputs));
    at = (at + 1) % static_cast<size_t>(data.size());
  });
  std::printf(
      "{\"engine\": \"latent\", \"workload\": \"encode\", \"preset\": \"%s\", \"width\": %lld, "
      "\"threads\": %d, \"rows\": %lld, \"multiply_adds_a_row\": %lld, \"all_ms\": %.2f, "
      "\"one_us_median\": %.1f, \"one_us_p99\": %.1f, \"calls\": %zu}\n",
      f.preset.c_str(), static_cast<long long>(f.width), f.threads,
      static_cast<long long>(data.size()), static_cast<long long>(work), percentile(all, 0.5) * 1e3,
      percentile(one, 0.5) * 1e6, percentile(one, 0.99) * 1e6, one.size());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(parse(argc, argv));
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "encode: %s\n", e.what());
    return 1;
  }
}
