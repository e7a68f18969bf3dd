// Aggressive updates of the encoder: which weights a step moves, resuming to the bit, when they
// end, and models that cannot have them.
#include <gtest/gtest.h>

#include "data/safetensors.h"
#include "train/test_runs.h"

namespace latent {
namespace {

using EncoderSteps = RunFolderTest;

TEST_F(EncoderSteps, MoveNothingElse) {
  const auto after = [&](int steps) {
    TrainOptions o{.epochs = 9, .batch = 16, .encoder_steps = 3, .out = in("run"), .threads = 1};
    fs::remove_all(o.out);
    int done = 0;
    o.stop = [&] { return ++done == steps; };
    train(kVae, factors(), o);
    return load_safetensors(in("run/last.safetensors"));
  };
  const auto same = [](const SafetensorsFile& a, const SafetensorsFile& b,
                       const std::string& name) {
    return std::ranges::equal(a.tensors.at(name).as_bytes(), b.tensors.at(name).as_bytes());
  };
  const SafetensorsFile one = after(1), three = after(3), four = after(4), five = after(5);
  for (const char* name : {"encoder/0/weight", "encoder/mean/bias"}) {
    EXPECT_FALSE(same(one, three, name)) << name;
    EXPECT_FALSE(same(three, four, name)) << name;
  }
  for (const char* name : {"decoder/0/weight", "optim/m/decoder/out/bias"}) {
    EXPECT_TRUE(same(one, three, name)) << name;
    EXPECT_FALSE(same(three, four, name)) << name;
    EXPECT_TRUE(same(four, five, name)) << name;
  }
}

TEST_F(EncoderSteps, StoppedAtAnyStepTheResultIsTheSame) {
  TrainOptions o = busy();
  o.encoder_steps = 2;
  o.patience = 0;
  o.out = in("whole");
  std::string message;
  o.progress = [&](const TrainEvent& e) {
    if (e.kind == Kind::warning) message = e.message;
  };
  train(kVae, factors(), o);
  EXPECT_NE(message.find("stopped growing"), std::string::npos);  // stops fall before and after it
  const std::string metrics = bytes("whole", "metrics.jsonl");
  EXPECT_NE(metrics.find("\"validation_information\":"), std::string::npos);
  EXPECT_NE(metrics.find("\"event\":\"together\""), std::string::npos);
  for (const int at : {5, 8}) {
    o.out = in("stopped");
    fs::remove_all(o.out);
    int steps = 0;
    bool done = false;
    o.progress = [&](const TrainEvent& e) { done = e.kind == Kind::finished; };
    o.stop = [&] { return ++steps % at == 0; };
    for (int runs = 0; !done && runs < 100; ++runs) {
      o.threads = 1 + runs % 3;
      train(kVae, factors(), o);
    }
    o.stop = nullptr;
    ASSERT_TRUE(done);
    EXPECT_EQ(bytes("stopped"), bytes("whole")) << "stopped every " << at << " steps";
  }
}

TEST_F(EncoderSteps, AreForModelsWithAPosteriorAndAValidation) {
  TrainOptions o{.epochs = 1, .batch = 16, .encoder_steps = 1, .threads = 1};
  EXPECT_THROW(train(Autoencoder{{.hidden = {8}, .latent = 2}}, factors(), o), UsageError);
  EXPECT_THROW(train(VaeGan{{.hidden = {8}, .latent = 2}}, factors(), o), UsageError);
  o.validation = 0;
  EXPECT_THROW(train(kVae, factors(), o), UsageError);
}

}  // namespace
}  // namespace latent
