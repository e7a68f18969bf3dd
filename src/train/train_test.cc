// Training through the public interface: what comes out, threads, divergence, and what is refused.
#include "latent/train.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <memory>
#include <thread>

#include "latent/nn.h"
#include "latent/ops.h"
#include "measure/statistics.h"
#include "train/metrics.h"
#include "train/test_runs.h"

namespace latent {
namespace {

using Train = RunFolderTest;

TEST_F(Train, ReturnsAModelThatHasLearned) {
  const Data data = factors();
  TrainOptions o{.epochs = 200, .batch = 16, .rate = 3e-3, .threads = 1};
  std::vector<TrainEvent> events;
  o.progress = [&](const TrainEvent& e) { events.push_back(e); };
  const Model m = train(Autoencoder{{.hidden = {16}, .latent = 3}}, data, o);
  ASSERT_GE(events.size(), 202u);
  EXPECT_EQ(events.front().kind, Kind::planned);
  EXPECT_GT(events.front().forecast.parameters, 12 * 16 * 2);
  EXPECT_GT(events.front().forecast.peak_bytes, 10000u);
  EXPECT_GT(events.front().forecast.seconds_per_epoch, 0);
  EXPECT_EQ(events.back().kind, Kind::finished);
  std::vector<TrainEvent> epochs;
  for (const TrainEvent& e : events) {
    if (e.kind == Kind::epoch) epochs.push_back(e);
  }
  EXPECT_EQ(epochs.size(), 200u);
  EXPECT_LT(epochs.back().training[0].second, epochs.front().training[0].second / 10);
  EXPECT_FALSE(epochs.back().validation.empty());
  EXPECT_EQ(m.latent(), 3);
  EXPECT_EQ(m.row_shape(), Shape({12}));
}

TEST_F(Train, AnyNumberOfThreads) {
  // The size of MNIST's models, so that plans have several parts.
  Tensor noise({300, 784});
  uniform_init(0, 1).fill(noise, 3, 4);
  const Data data = Data::rows(noise.span<float>(), {28, 28});
  const auto same = [&](const auto& model, const std::string& name) {
    std::string first;
    for (const int threads : {1, 2, 3, 4, 8}) {
      TrainOptions o{.epochs = 2, .batch = 128, .out = in(name), .threads = threads};
      fs::remove_all(o.out);
      train(model, data, o);
      if (first.empty()) first = bytes(name);
      EXPECT_EQ(bytes(name), first) << name << " on " << threads;
    }
  };
  same(Vae{}, "vae");
  same(Autoencoder{{.hidden = {256}, .loss = "cross-entropy"}}, "autoencoder");
}

TEST_F(Train, EarlyStoppingWaitsForTheWarmUp) {
  // With a rate of next to nothing the validation hardly moves, so patience ends the run: 4 steps
  // an epoch, 30 of warm-up, thus counted from epoch 8.
  TrainOptions o{
      .epochs = 100, .batch = 16, .rate = 1e-12, .validation = 0.2, .patience = 2, .threads = 1};
  TrainEvent last;
  o.progress = [&](const TrainEvent& e) { last = e; };
  train(kVae, factors(), o);
  EXPECT_EQ(last.kind, Kind::early);
  EXPECT_EQ(last.epoch, 10);
}

TEST_F(Train, DivergenceRollsBackAndKeepsTheState) {
  TrainOptions o{.epochs = 40, .batch = 16, .rate = 1e2, .out = in("run"), .threads = 1};
  std::vector<std::string> messages;
  o.progress = [&](const TrainEvent& e) {
    if (e.kind == Kind::rollback) messages.push_back(e.message);
  };
  // exp(1e2 * ..) overflows at once; at a rate of 1e2 / 64 still.
  const Vae vae{{.hidden = {16}, .latent = 3, .likelihood = "gaussian"}};
  EXPECT_THROW(train(vae, factors(), o), Diverged);
  ASSERT_EQ(messages.size(), 3u);
  EXPECT_NE(messages[0].find("epoch"), std::string::npos);
  EXPECT_NE(messages[0].find("row"), std::string::npos);
  const Model kept = load(in("run"));
  for (const auto& [name, t] : kept.weights().tensors()) {
    for (const float v : t.span<float>()) ASSERT_TRUE(std::isfinite(v)) << name;
  }
  EXPECT_NE(bytes("run", "metrics.jsonl").find("rollback"), std::string::npos);
}

TEST_F(Train, OneInfiniteStepIsRolledBackAndTrainingGoesOn) {
  // A loss that is infinite at update 9, the first time that it gets there.
  struct Spiky {
    Expr loss(const Scope& s, Expr x) const {
      const Expr fit = mean(square(dense(s / "a", dense(s / "b", x, 3), 12) - x));
      if (!s.training()) return fit;
      return fit - log(s.graph().schedule("spike", "step", [seen = spikes](int64_t t) {
               return t == 9 && (*seen)++ == 0 ? 0.0 : 1.0;
             }));
    }
    std::shared_ptr<int> spikes = std::make_shared<int>(0);
  };
  TrainOptions o{.epochs = 5, .batch = 16, .validation = 0.2, .out = in("run"), .threads = 1};
  std::vector<std::string> rollbacks;
  int epochs = 0;
  o.progress = [&](const TrainEvent& e) {
    if (e.kind == Kind::rollback) rollbacks.push_back(e.message);
    epochs += e.kind == Kind::epoch;
  };
  train(Spiky{}, factors(), o);
  EXPECT_EQ(epochs, 5);
  ASSERT_EQ(rollbacks.size(), 1u);
  EXPECT_NE(rollbacks[0].find("epoch 3, batch 2"), std::string::npos) << rollbacks[0];
  EXPECT_NE(rollbacks[0].find("0.00025"), std::string::npos) << rollbacks[0];
}

TEST_F(Train, StartsFromAnotherModelAndKeepsWhatIsFrozen) {
  TrainOptions o{.epochs = 2, .batch = 16, .out = in("first"), .threads = 1};
  const Model first = train(kVae, factors(), o);
  o = {.epochs = 2,
       .batch = 16,
       .seed = 9,
       .freeze = {"encoder"},
       .init = in("first"),
       .out = in("second"),
       .threads = 1};
  const Model second = train(kVae, factors(), o);
  const auto same = [&](const char* name) {
    return std::ranges::equal(first.weights().at(name).span<float>(),
                              second.weights().at(name).span<float>());
  };
  EXPECT_TRUE(same("encoder/0/weight"));
  EXPECT_TRUE(same("encoder/mean/bias"));
  EXPECT_FALSE(same("decoder/out/weight"));
  o.freeze = {"encodr"};
  o.out = in("third");
  EXPECT_THROW(train(kVae, factors(), o), UsageError);
}

TEST_F(Train, RefusesWhatCannotBe) {
  const Data data = factors();
  TrainOptions o{.epochs = 1, .batch = 16, .threads = 1};
  const auto refused = [&](const TrainOptions& options) {
    EXPECT_THROW(train(kVae, data, options), UsageError);
  };
  TrainOptions bad = o;
  bad.batch = 71;
  refused(bad);
  bad = o;
  bad.epochs = 0;
  refused(bad);
  bad = o;
  bad.rate = NAN;
  refused(bad);
  bad = o;
  bad.schedule = "cosin";
  refused(bad);
  bad = o;
  bad.patience = 1;
  bad.validation = 0;
  refused(bad);
  bad = o;
  bad.memory_limit = 1000;  // less than the plan
  refused(bad);
  bad.memory_limit = 1 << 20;  // less than the process
  refused(bad);
  bad = o;
  bad.validation_data = Data::rows(std::vector<float>(8), {4});
  refused(bad);
  EXPECT_THROW(Data::rows(std::vector<float>(7), {4}), UsageError);
  EXPECT_THROW(train(Vae{{.inputs = 11}}, data, o), UsageError);
  std::vector<float> nan(24, 0.5f);
  nan[13] = NAN;
  EXPECT_THROW(train(kVae, Data::rows(nan, {12}), {.batch = 1, .validation = 0}), DataError);
}

TEST_F(Train, ValidationDataOfItsOwn) {
  TrainOptions o{.epochs = 1, .batch = 16, .validation_data = factors(), .threads = 1};
  int64_t steps = 0;
  Parts validation;
  o.progress = [&](const TrainEvent& e) {
    if (e.kind != Kind::epoch) return;
    steps = e.step;
    validation = e.validation;
  };
  train(kVae, factors(), o);
  EXPECT_EQ(steps, 5);  // all 70 rows train
  EXPECT_EQ(validation.size(), 3u);
}

TEST_F(Train, ValidationCountsEveryRowOnceWhateverTheBatch) {
  // Next to no training: what differs is how 70 rows fall into batches of 16, of 33 and of all.
  std::vector<double> losses;
  for (const int64_t batch : {16, 33, 70}) {
    TrainOptions o{
        .epochs = 1, .batch = batch, .rate = 1e-12, .validation_data = factors(), .threads = 1};
    o.progress = [&](const TrainEvent& e) {
      if (e.kind == Kind::epoch) losses.push_back(e.validation[0].second);
    };
    train(Vae{{.hidden = {16}, .latent = 3, .likelihood = "squared_error"}}, factors(), o);
  }
  EXPECT_NEAR(losses[1], losses[0], 1e-5 * losses[0]);
  EXPECT_NEAR(losses[2], losses[0], 1e-5 * losses[0]);
}

TEST_F(Train, MetricsTellHowHeldOutRowsUseEachUnit) {
  // 70 rows in batches of 16: the last holds 6.
  const Data data = factors();
  const auto told = [&](const auto& model, int threads) {
    TrainOptions o{
        .epochs = 2, .batch = 16, .validation_data = data, .out = in("units"), .threads = threads};
    fs::remove_all(o.out);
    train(model, data, o);
    return Metrics::parse(bytes("units", "metrics.jsonl"), 2, "metrics").lines().back();
  };
  const auto line = told(kVae, 1);
  EXPECT_EQ(line.at("unit_kl"), told(kVae, 3).at("unit_kl"));
  told(kVae, 1);
  const Model last = load(in("units") + "/last.safetensors", 1);
  measure::Codes codes{3, last.encode(data.values()), last.encode_logvar(data.values())};
  const auto units = measure::unit_statistics(codes);
  ASSERT_EQ(line.at("unit_kl").size(), 3u);
  for (size_t j = 0; j < 3; ++j)
    EXPECT_NEAR(line.at("unit_kl")[j].get<double>(), units[j].kl, 1e-4) << j;
  EXPECT_EQ(line.at("active_units"), measure::active_units(units));
  EXPECT_NE(bytes("units", "metrics.csv").find("active_units,unit_kl_1,unit_kl_2,unit_kl_3,"),
            std::string::npos);
  const auto plain = told(Autoencoder{{.hidden = {16}, .latent = 2}}, 1);
  EXPECT_EQ(plain.at("unit_variance").size(), 2u);
  EXPECT_FALSE(plain.contains("unit_kl"));
}

TEST_F(Train, TwoThreadsUseOneModel) {
  const Model m = train(kVae, factors(), {.epochs = 1, .batch = 16, .threads = 1});
  std::vector<float> rows(300 * 12);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(i % 97) / 97;
  const std::vector<float> expected = m.reconstruct(rows);
  std::atomic<int> wrong = 0;
  const auto use = [&] {
    for (int i = 0; i < 20; ++i) wrong += m.reconstruct(rows) != expected;
  };
  std::thread a(use), b(use);
  a.join();
  b.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(Train, AModelFileGivesTheSameModel) {
  // Values of bytes are scaled to [0, 1] and come back as bytes.
  std::vector<float> rows(80 * 4);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(i * 37 % 201);
  const Model m = train(Vae{{.hidden = {8}, .latent = 2}}, Data::rows(rows, {2, 2}),
                        {.epochs = 3, .batch = 8, .threads = 1});
  make_folder(root_);
  m.save(in("model.safetensors"));
  const Model again = load(in("model.safetensors"));
  EXPECT_EQ(again.row_shape(), Shape({2, 2}));
  EXPECT_EQ(m.reconstruct(rows), again.reconstruct(rows));
  EXPECT_EQ(m.sample(5, 7), again.sample(5, 7));
  const std::vector<float> many = m.sample(9, 7), few = m.sample(5, 7);
  EXPECT_TRUE(std::equal(few.begin(), few.end(), many.begin()));
  for (const float v : many) EXPECT_TRUE(v >= 0 && v <= 255) << v;
  EXPECT_EQ(m.encode_logvar(rows).size(), 160u);
  EXPECT_THROW(m.encode(std::vector<float>(5)), UsageError);
  EXPECT_THROW(load(in("model.safetensors"), architecture(kVae, 4)), UsageError);
}

}  // namespace
}  // namespace latent
