// Stacks trained: every preset learns, in both models; batch norm's running statistics are part of
// model files and of resumes; the same bits on any number of threads.
#include <cmath>
#include <cstdlib>

#include "train/test_runs.h"

namespace latent {
namespace {

/// The first rows of the embedded digits, values 0 to 16.
Data digits(int64_t rows) {
  const Data all = Data::open("digits");
  return Data::rows(all.values(0, rows), all.row_shape(), "some digits");
}

TrainOptions quick() {
  return {
      .epochs = 2, .batch = 16, .rate = 3e-3, .validation = 0, .scaling = "minmax", .threads = 1};
}

/// Losses of the epochs in training.
template <class M>
std::vector<double> losses(const M& m, const Data& data, TrainOptions o) {
  std::vector<double> found;
  o.progress = [&](const TrainEvent& e) {
    if (e.kind == Kind::epoch) found.push_back(e.training.at(0).second);
  };
  const Model model = train(m, data, o);
  for (const float v : model.reconstruct(data.values(0, 3))) EXPECT_TRUE(std::isfinite(v));
  return found;
}

TEST(Presets, EachTrainsAVaeAndAnAutoencoder) {
  const Data data = digits(256);
  for (const StackPreset& p : stack_presets()) {
    SCOPED_TRACE(p.name);
    const std::vector<double> vae =
        losses(Vae{{.latent = 4, .encoder = p.name, .width = 4, .picture = {8, 8}}}, data, quick());
    ASSERT_EQ(vae.size(), 2u);
    EXPECT_LT(vae[1], vae[0]);
    const std::vector<double> ae =
        losses(Autoencoder{{.latent = 4, .encoder = p.name, .width = 4, .picture = {8, 8, 1}}},
               data, quick());
    EXPECT_LT(ae[1], ae[0]);
  }
}

TEST(Presets, EachTrainsOnMnist) {
  const char* shared = std::getenv("LATENT_SHARED");
  if (!shared) GTEST_SKIP() << "LATENT_SHARED is not set";
  const Data mnist = Data::open(std::string(shared) + "/data/mnist/t10k-images-idx3-ubyte.gz");
  const Data data = Data::rows(mnist.values(0, 256), mnist.row_shape(), "some MNIST");
  for (const StackPreset& p : stack_presets()) {
    SCOPED_TRACE(p.name);
    const std::vector<double> found = losses(
        Vae{{.latent = 4, .encoder = p.name, .width = 4, .picture = {28, 28}}}, data, quick());
    EXPECT_LT(found[1], found[0]);
  }
}

const Vae kResidual{
    {.latent = 3, .likelihood = "gaussian", .encoder = "resnet", .width = 8, .picture = {8, 8}}};

std::map<std::string, std::vector<float>> weights_of(const Model& m) {
  std::map<std::string, std::vector<float>> all;
  for (const auto& [name, t] : m.weights().tensors())
    all[name].assign(t.span<float>().begin(), t.span<float>().end());
  return all;
}

TEST(StackTraining, SameBitsOnAnyThreads) {
  const Data data = digits(200);
  TrainOptions o = quick();
  o.batch = 48;
  const auto first = weights_of(train(kResidual, data, o));
  EXPECT_TRUE(first.contains("encoder/1/running_variance"));
  for (const int threads : {2, 3, 4, 8}) {
    o.threads = threads;
    EXPECT_EQ(weights_of(train(kResidual, data, o)), first) << threads << " threads";
  }
}

using StackRuns = RunFolderTest;

TEST_F(StackRuns, FilesHoldRunningStatisticsAndTheText) {
  const Data data = digits(128);
  TrainOptions o = quick();
  o.out = in("run");
  const Model trained = train(kResidual, data, o), loaded = load(in("run"));
  EXPECT_NE(loaded.architecture().config.find("\"encoder\":\"conv 8 3; bn; relu; res 8 s2"),
            std::string::npos)
      << loaded.architecture().config;
  EXPECT_EQ(weights_of(loaded), weights_of(trained));
  const std::vector<float> rows = data.values(0, 5), whole = loaded.reconstruct(rows);
  EXPECT_EQ(whole, trained.reconstruct(rows));
  // In evaluation a row depends on itself alone, whatever stands beside it.
  const std::vector<float> code = loaded.encode(rows), one = loaded.encode(data.values(2, 1));
  for (size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(one[i], code[2 * one.size() + i], 1e-4);
  // The statistics moved off their start.
  for (const float v : loaded.weights().at("encoder/1/running_variance").span<float>())
    EXPECT_NE(v, 1.0f);
}

TEST_F(StackRuns, StoppedAndResumedIsTheSameRun) {
  const Data data = digits(128);
  TrainOptions o = quick();
  o.epochs = 4;
  o.average = 0.9;
  o.validation = 0.25;
  o.out = in("whole");
  train(kResidual, data, o);
  o.out = in("parts");
  for (int stops = 0; stops < 3; ++stops) {
    int steps = 0;
    o.stop = [&] { return ++steps > 7; };
    train(kResidual, data, o);
  }
  o.stop = nullptr;
  train(kResidual, data, o);
  EXPECT_EQ(bytes("parts"), bytes("whole"));
  EXPECT_EQ(bytes("parts", "best.safetensors"), bytes("whole", "best.safetensors"));
}

TEST(StackModels, KeysThatDoNotGoTogether) {
  EXPECT_THROW(architecture(Vae{{.width = 4}}, 64), UsageError);
  EXPECT_THROW(architecture(Vae{{.encoder = "vgg"}}, 64), UsageError);  // no picture
  EXPECT_THROW(architecture(Vae{{.encoder = "vgg", .picture = {8, 9}}}, 64), UsageError);
  EXPECT_THROW(architecture(Autoencoder{{.tied = true, .encoder = "dense 9; relu"}}, 64),
               UsageError);
  const Architecture flat = architecture(Autoencoder{{.encoder = "dense 9; relu"}}, 64);
  EXPECT_NE(flat.config.find("\"decoder\":\"dense 9; relu; out\""), std::string::npos)
      << flat.config;
  // Layers are counted as the slots are.
  int64_t sum = 0;
  for (const LayerInfo& l : flat.layers) sum += l.parameters;
  EXPECT_EQ(sum, 65 * 9 + 10 * 20 + 21 * 9 + 10 * 64);
}

}  // namespace
}  // namespace latent
