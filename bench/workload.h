// The shared speed workloads as every program here runs them: flags, the rows of data, the timing
// of epochs and the JSON line. A program gives a step; what is measured is the median over epochs
// of an epoch's wall time over its steps, gathering the batch included, after two untimed epochs,
// for at least three epochs and three seconds.
//   PROGRAM --workload NAME --threads N [--dtype f32|bf16] [--data DIR] [--epochs E]
//           [--explain] [--profile]
#pragma once

#include <sys/resource.h>
#include <zlib.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

struct Options {
  std::string workload, data = "../shared/data";
  int threads = 1;
  int epochs = 0;  // exactly so many; 0: until the timing is long enough
  bool bf16 = false, explain = false, profile = false;
};

inline Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const auto value = [&]() -> std::string {
      if (i + 1 == argc) throw std::invalid_argument(flag + " needs a value");
      return argv[++i];
    };
    const auto count = [&] {
      const std::string text = value();
      size_t used = 0;
      const int n = std::stoi(text, &used);
      if (used != text.size() || n < 1)
        throw std::invalid_argument(flag + " needs a number from 1 on, found \"" + text + "\"");
      return n;
    };
    if (flag == "--workload") {
      o.workload = value();
    } else if (flag == "--threads") {
      o.threads = count();
    } else if (flag == "--epochs") {
      o.epochs = count();
    } else if (flag == "--data") {
      o.data = value();
    } else if (flag == "--dtype") {
      const std::string dtype = value();
      if (dtype != "f32" && dtype != "bf16")
        throw std::invalid_argument("--dtype is f32 or bf16, found \"" + dtype + "\"");
      o.bf16 = dtype == "bf16";
    } else if (flag == "--explain") {
      o.explain = true;
    } else if (flag == "--profile") {
      o.profile = true;
    } else {
      throw std::invalid_argument("unknown flag " + flag);
    }
  }
  return o;
}

/// The data of a workload: `values` or `bytes`, each of which stands for a `step`: 1/255 of
/// MNIST's.
struct Rows {
  int64_t count = 0, width = 0, batch = 0;
  float step = 1.0f / 255.0f;
  std::vector<float> values;
  std::vector<uint8_t> bytes;

  /// Copies n rows to dst [n, width].
  void gather(const int32_t* rows, int64_t n, float* dst) const {
    for (int64_t r = 0; r < n; ++r) {
      float* to = dst + r * width;
      if (bytes.empty()) {
        std::memcpy(to, values.data() + rows[r] * width, static_cast<size_t>(width) * 4);
      } else {
        const uint8_t* from = bytes.data() + rows[r] * width;
        for (int64_t i = 0; i < width; ++i) to[i] = static_cast<float>(from[i]) * step;
      }
    }
  }
};

inline Rows load(const Options& o) {
  Rows rows;
  if (o.workload == "seed-ae" || o.workload == "seed-vae") {
    rows.count = 1000;
    rows.width = 100;
    rows.batch = 32;
    rows.values.resize(100000);
    std::mt19937_64 random(0);
    for (float& v : rows.values) v = static_cast<float>(random() >> 40) * 0x1p-24f;
  } else if (o.workload == "audio-ae") {
    rows.count = 128;
    rows.width = 16384;
    rows.batch = 16;
    rows.values.resize(static_cast<size_t>(rows.count * rows.width));
    std::mt19937_64 random(0);
    std::normal_distribution<float> noise(0, 0.1f);
    for (float& v : rows.values) v = noise(random);
  } else if (o.workload == "res-vae") {
    rows.count = 128;
    rows.width = 64 * 64 * 3;
    rows.batch = 32;
    rows.values.resize(static_cast<size_t>(rows.count * rows.width));
    std::mt19937_64 random(0);
    for (float& v : rows.values) v = static_cast<float>(random() >> 40) * 0x1p-24f;
  } else if (o.workload == "text-vae") {
    rows.count = 1280;
    rows.width = 64;
    rows.batch = 64;
    rows.step = 1;
    rows.bytes.resize(static_cast<size_t>(rows.count * rows.width));
    const std::string path = o.data + "/text/tinyshakespeare.txt";
    std::FILE* file = std::fopen(path.c_str(), "rb");
    const size_t read = file ? std::fread(rows.bytes.data(), 1, rows.bytes.size(), file) : 0;
    if (file) std::fclose(file);
    if (read != rows.bytes.size())
      throw std::runtime_error(path + ": the first 80 KiB of tiny-shakespeare were expected");
  } else if (o.workload == "mlp-vae" || o.workload == "conv-vae") {
    rows.count = o.workload == "mlp-vae" ? 12800 : 2560;
    rows.width = 784;
    rows.batch = 128;
    rows.bytes.resize(static_cast<size_t>(rows.count * rows.width));
    const std::string path = o.data + "/mnist/train-images-idx3-ubyte.gz";
    gzFile file = gzopen(path.c_str(), "rb");
    char header[16];
    const bool good = file && gzread(file, header, 16) == 16 &&
                      gzread(file, rows.bytes.data(), static_cast<unsigned>(rows.bytes.size())) ==
                          static_cast<int>(rows.bytes.size());
    if (file) gzclose(file);
    if (!good)
      throw std::runtime_error(path + ": " + std::to_string(rows.count) +
                               " images of MNIST were expected");
  } else {
    throw std::invalid_argument("unknown workload \"" + o.workload +
                                "\"; there are seed-ae, seed-vae, mlp-vae, conv-vae, res-vae, "
                                "text-vae, audio-ae");
  }
  return rows;
}

/// One training step on n rows of the data: gathers them and returns their mean loss.
using Step = std::function<double(const int32_t* rows, int64_t n)>;

/// Trains and prints the line; `more` is appended to its object.
inline void measure(const Options& o, const char* engine, const Rows& data, const Step& step,
                    const std::string& more = "") {
  std::vector<int32_t> order(static_cast<size_t>(data.count));
  std::iota(order.begin(), order.end(), 0);
  std::mt19937_64 random(1);
  const int64_t steps = (data.count + data.batch - 1) / data.batch;
  std::vector<double> micros;
  double third = 0, elapsed = 0;
  for (int e = 0;; ++e) {
    if (o.epochs ? e == o.epochs : e >= 5 && elapsed >= 3e6) break;
    const auto start = std::chrono::steady_clock::now();
    std::shuffle(order.begin(), order.end(), random);
    double loss = 0;
    for (int64_t at = 0; at < data.count; at += data.batch) {
      const int64_t n = std::min(data.batch, data.count - at);
      loss += step(order.data() + at, n) * static_cast<double>(n);
    }
    const double us =
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
    if (e <= 2) third = loss / static_cast<double>(data.count);
    if (e < 2 && !o.epochs) continue;
    elapsed += us;
    micros.push_back(us / static_cast<double>(steps));
  }
  const auto middle = micros.begin() + static_cast<ptrdiff_t>(micros.size() / 2);
  std::nth_element(micros.begin(), middle, micros.end());
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"engine\": \"%s\", \"workload\": \"%s\", \"threads\": %d, \"step_us\": %.2f, "
      "\"peak_rss_mb\": %.1f, \"loss_epoch_3\": %.9g%s}\n",
      engine, o.workload.c_str(), o.threads, *middle, static_cast<double>(usage.ru_maxrss) / 1024,
      third, more.c_str());
}

/// main() of a program: runs `body` on the flags; an exception is a message and exit code 2.
inline int run_main(int argc, char** argv, void (*body)(Options)) {
  try {
    body(parse(argc, argv));
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
    return 2;
  }
}

}  // namespace bench
