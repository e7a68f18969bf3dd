// Training on sounds, as samples and as spectra, by models of one dense code and of levels of codes
// at each place: any number of threads and any stops give the same bytes, and what comes out is the
// sounds.
#include <algorithm>
#include <cmath>

#include "data/test_sounds.h"
#include "train/preview.h"
#include "train/test_runs.h"

namespace latent {
namespace {

constexpr size_t kSamples = 2048;

class SoundRuns : public RunFolderTest {
 protected:
  /// 48 sounds of a quarter of a second: two partials under a bell.
  Data sounds(const std::string& features) const {
    const std::string folder = in("sounds");
    if (!fs::exists(folder)) {
      fs::create_directories(folder);
      for (size_t i = 0; i < 48; ++i) {
        const double hertz = 150 + 11 * static_cast<double>(i);
        std::vector<float> x = tone(hertz, 8000, kSamples);
        const std::vector<float> second = tone(3 * hertz + 40, 8000, kSamples);
        for (size_t t = 0; t < kSamples; ++t) {
          const double bell = std::sin(M_PI * static_cast<double>(t) / kSamples);
          x[t] = static_cast<float>(bell) * (0.4f * x[t] + 0.2f * second[t]);
        }
        write_file_atomic(folder + "/" + std::to_string(100 + i) + ".wav",
                          wav({.codec = 3, .bits = 32}, float_bytes(x)));
      }
    }
    return Data::open(folder, "", {{"features", features}});
  }

  /// The run whole on one thread, and the same stopped again and again on others.
  void expect_the_same(const Architecture& model, const Data& data, const std::string& name) {
    TrainOptions o{.epochs = 2,
                   .batch = 16,
                   .schedule = "cosine",
                   .validation = 0.25,
                   .average = 0.9,
                   .out = in(name),
                   .threads = 8};
    {
      const std::string plan = Preview(model, data, o).step().explain();
      EXPECT_NE(plan.find("8 threads"), std::string::npos) << name << ": too small to share";
    }
    EXPECT_GE(Preview(model, data, o).step().stats().parts, 8u) << name;
    std::string last, best;
    for (const int threads : {1, 2, 4, 8}) {
      fs::remove_all(o.out);
      o.threads = threads;
      train(model, data, o);
      if (last.empty()) last = bytes(name), best = bytes(name, "best.safetensors");
      EXPECT_EQ(bytes(name), last) << name << " on " << threads;
    }
    fs::remove_all(o.out);
    int resumes = 0, runs = 0;
    bool done = false;
    o.progress = [&](const TrainEvent& e) {
      resumes += e.kind == Kind::resumed;
      done = e.kind == Kind::finished;
    };
    for (; !done && runs < 20; ++runs) {
      int steps = 0;
      o.stop = [&] { return ++steps == 2; };  // of three an epoch
      o.threads = 1 + runs % 3;
      train(model, data, o);
    }
    EXPECT_GE(resumes, 2) << name;
    EXPECT_EQ(bytes(name), last) << name << ", stopped";
    EXPECT_EQ(bytes(name, "best.safetensors"), best) << name << ", stopped";
  }
};

/// Four levels of codes for every 16 samples.
VqVae codec() {
  return VqVae{{.latent = 8,
                .codes = 32,
                .quantizers = 4,
                .likelihood = "squared_error",
                .prior_units = 8,
                .prior_depth = 1,
                .spectral = 1,
                .encoder = "wave",
                .width = 16,
                .depth = 2,
                .picture = {1, kSamples}}};
}

TEST_F(SoundRuns, SamplesThroughLevelsOfCodesGiveTheSameBytes) {
  expect_the_same(architecture(codec(), kSamples), sounds("wave"), "codec");
}

TEST_F(SoundRuns, SamplesThroughADenseCodeGiveTheSameBytes) {
  const Autoencoder model{{.latent = 16,
                           .spectral = 0.1,
                           .encoder = "wave",
                           .width = 16,
                           .depth = 2,
                           .picture = {1, kSamples}}};
  expect_the_same(architecture(model, kSamples), sounds("wave"), "dense");
}

TEST_F(SoundRuns, SpectraThroughLevelsOfCodesGiveTheSameBytes) {
  const Data data = sounds("logmel");
  const Shape row = data.row_shape();
  const VqVae model{{.latent = 4,
                     .codes = 16,
                     .quantizers = 2,
                     .likelihood = "gaussian_optimal",
                     .prior_units = 8,
                     .prior_depth = 1,
                     .encoder = "conv 16 4 s2; relu; conv 32 4 s2; relu",
                     .picture = {row[0], row[1]}}};
  expect_the_same(architecture(model, data.row_elements()), data, "spectra");
}

// The spectral loss shapes training; what a validation tells stays the bound.
TEST_F(SoundRuns, TheSpectralLossIsNoPartOfTheBound) {
  const Data data = sounds("wave");
  TrainOptions o{.epochs = 4, .batch = 16, .validation = 0.25, .threads = 1};
  std::map<std::string, double> first, last;
  o.progress = [&](const TrainEvent& e) {
    if (e.kind != Kind::epoch) return;
    std::map<std::string, double>& parts = e.epoch == 1 ? first : last;
    for (const auto& [name, value] : e.validation) parts[name] = value;
  };
  train(codec(), data, o);
  EXPECT_NEAR(last.at("loss"), last.at("reconstruction") + last.at("kl"),
              1e-4 * std::abs(last.at("loss")));
  EXPECT_LT(last.at("spectral"), first.at("spectral"));
  VqVae flat = codec();
  flat.c.inputs = 256;
  flat.c.encoder = flat.c.decoder = "";
  flat.c.width = flat.c.depth = 0;
  EXPECT_THROW(train(flat, Data::rows(std::vector<float>(256 * 8), {256}), o), UsageError);
}

}  // namespace
}  // namespace latent
