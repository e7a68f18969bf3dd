// What the tests of training share: a folder that goes away, a small data set, a busy run.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "latent/train.h"

namespace latent {

namespace fs = std::filesystem;
using Kind = TrainEvent::Kind;

class RunFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "latent-train-" + std::to_string(::getpid());
    fs::remove_all(root_);
  }
  void TearDown() override { fs::remove_all(root_); }
  std::string in(const std::string& name) const { return root_ + "/" + name; }
  std::string bytes(const std::string& run, const std::string& file = "last.safetensors") const {
    return read_file(in(run) + "/" + file);
  }
  std::string root_;
};

/// 70 rows of 12 values in [0, 1] that two factors explain.
inline Data factors() {
  Tensor noise({70, 14});
  uniform_init(0, 1).fill(noise, 3, 4);
  const auto u = noise.span<float>();
  std::vector<float> x;
  for (size_t i = 0; i < 70; ++i) {
    for (size_t k = 0; k < 12; ++k)
      x.push_back(0.45f * u[i * 14 + k % 2] + 0.45f * u[i * 14] + 0.1f * u[i * 14 + 2 + k]);
  }
  return Data::rows(x, {12}, "factors");
}

/// Everything at once that a resume could lose: a warm-up, a moving average, early stopping,
/// clipping, a schedule; and half of the rows are held out, so that stops fall into validations.
inline const Vae kVae{{.hidden = {16}, .latent = 3, .warmup_steps = 30}};
inline TrainOptions busy() {
  return {.epochs = 14,
          .batch = 16,
          .rate = 3e-3,
          .schedule = "cosine",
          .clip_norm = 5,
          .validation = 0.5,
          .patience = 3,
          .average = 0.9,
          .threads = 1};
}

}  // namespace latent
