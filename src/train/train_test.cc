// Training through the public interface: what comes out, resuming at any step, threads, stopping,
// divergence, and what is refused.
#include "latent/train.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/file.h"
#include "data/safetensors.h"
#include "latent/nn.h"
#include "latent/ops.h"

namespace latent {
namespace {

namespace fs = std::filesystem;
using Kind = TrainEvent::Kind;

class Train : public testing::Test {
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
Data factors() {
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
const Vae kVae{{.hidden = {16}, .latent = 3, .warmup_steps = 30}};
TrainOptions busy() {
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

TEST_F(Train, StoppedAtAnyStepTheResultIsTheSame) {
  const Data data = factors();
  TrainOptions o = busy();
  o.out = in("whole");
  train(kVae, data, o);
  const std::string whole = bytes("whole"), best = bytes("whole", "best.safetensors");
  // 3 steps and 2 pieces of validation an epoch: stops fall at each of these, within the warm-up
  // and after. What is written behind the checkpoint's last line of metrics is cut off.
  for (const int at : {3, 4, 7, 13, 29, 53}) {
    o.out = in("stopped");
    fs::remove_all(o.out);
    int steps = 0, resumes = 0;
    bool done = false;
    o.progress = [&](const TrainEvent& e) {
      done = e.kind == Kind::finished || e.kind == Kind::early;
      resumes += e.kind == Kind::resumed;
    };
    o.stop = [&] { return ++steps % at == 0; };
    for (int runs = 0; !done && runs < 200; ++runs) {
      train(kVae, data, o);
      std::ofstream(o.out + "/metrics.jsonl", std::ios::app) << "{\"epoch\":99}\n{cut";
      o.threads = 1 + runs % 3;
    }
    o.stop = nullptr;
    ASSERT_TRUE(done);
    EXPECT_GT(resumes, 0);
    EXPECT_EQ(bytes("stopped"), whole) << "stopped every " << at << " steps";
    EXPECT_EQ(bytes("stopped", "best.safetensors"), best);
  }
}

TEST_F(Train, ACycleGoesOnWhereItWas) {
  Vae vae = kVae;
  vae.c.warmup_shape = "cyclical";
  vae.c.warmup_steps = 10;
  TrainOptions o{.epochs = 8, .batch = 16, .out = in("whole"), .threads = 1};
  train(vae, factors(), o);
  o.out = in("stopped");
  int steps = 0;
  o.stop = [&] { return ++steps == 7; };  // within the second half of the first cycle
  train(vae, factors(), o);
  train(vae, factors(), o);
  EXPECT_EQ(bytes("stopped"), bytes("whole"));
}

TEST_F(Train, AfterSoLongItStopsAndGoesOnWhenAskedAgain) {
  TrainOptions o{.epochs = 3, .batch = 16, .out = in("run"), .threads = 1, .max_seconds = 1e-9};
  Kind last{};
  o.progress = [&](const TrainEvent& e) { last = e.kind; };
  int runs = 0;
  do train(kVae, factors(), o);
  while (++runs < 100 && last == Kind::stopped);
  EXPECT_EQ(last, Kind::finished);
  EXPECT_GT(runs, 3);
}

TEST_F(Train, AnotherMachineIsWarnedOf) {
  TrainOptions o{.epochs = 2, .batch = 16, .out = in("run"), .threads = 1};
  o.stop = [] { return true; };
  train(kVae, factors(), o);
  write_file_atomic(in("run/machine.txt"), "latent 0.0, another CPU\n");
  std::string warning;
  o.stop = nullptr;
  o.progress = [&](const TrainEvent& e) {
    if (e.kind == Kind::warning) warning = e.message;
  };
  train(kVae, factors(), o);
  EXPECT_NE(warning.find("another CPU"), std::string::npos);
}

TEST_F(Train, ADamagedCheckpointIsRefused) {
  TrainOptions o{.epochs = 4, .batch = 16, .out = in("run"), .threads = 1};
  o.stop = [] { return true; };
  train(kVae, factors(), o);
  o.stop = nullptr;
  const std::string path = in("run/last.safetensors"), whole = bytes("run");
  for (size_t n = 0; n < whole.size(); n += 1 + n / 16) {
    write_file_atomic(path, whole.substr(0, n));
    EXPECT_THROW(train(kVae, factors(), o), DataError) << n;
  }
  // Well-formed files that say what cannot be.
  using nlohmann::json;
  const std::vector<std::function<void(SafetensorsFile&)>> damages = {
      [](SafetensorsFile& f) { f.tensors.erase("encoder/0/weight"); },
      [](SafetensorsFile& f) { f.tensors.erase("rollback/optim/m/encoder/0/weight"); },
      [](SafetensorsFile& f) { f.tensors["decoder/out/bias"] = Tensor({3}); },
      [](SafetensorsFile& f) { f.tensors["surplus"] = Tensor({3}); },
      [](SafetensorsFile& f) { f.metadata["state"] = "{}"; },
      [](SafetensorsFile& f) { f.metadata["state"] = "[3"; },
      [](SafetensorsFile& f) { f.metadata["run"] = "7"; },
      [](SafetensorsFile& f) { f.metadata["latent"] = "{\"format\":1}"; },
      [](SafetensorsFile& f) { f.metadata.erase("state"); },
      [](SafetensorsFile& f) {
        json j = json::parse(f.metadata["state"]);
        j["state"]["batch"] = 1000;
        f.metadata["state"] = j.dump();
      },
      [](SafetensorsFile& f) {
        json j = json::parse(f.metadata["state"]);
        j["state"]["sums"][0][0] = "other";
        f.metadata["state"] = j.dump();
      },
      [](SafetensorsFile& f) {
        json j = json::parse(f.metadata["state"]);
        j["state"]["epoch"] = -1;
        f.metadata["state"] = j.dump();
      },
      [](SafetensorsFile& f) {
        json j = json::parse(f.metadata["state"]);
        j["state"]["metrics"] = 12;
        f.metadata["state"] = j.dump();
      },
  };
  for (size_t i = 0; i < damages.size(); ++i) {
    write_file_atomic(path, whole);
    SafetensorsFile f = load_safetensors(path);
    f.metadata.erase("data_hash");
    damages[i](f);
    std::map<std::string, const Tensor*> tensors;
    for (const auto& [name, t] : f.tensors) tensors[name] = &t;
    save_safetensors(path, tensors, f.metadata);
    EXPECT_THROW(train(kVae, factors(), o), Error) << "damage " << i;
  }
}

TEST_F(Train, SavingOftenChangesNothing) {
  const Data data = factors();
  TrainOptions o = busy();
  o.out = in("rarely");
  train(kVae, data, o);
  o.out = in("often");
  o.save_seconds = 0;
  int saves = 0;
  o.progress = [&](const TrainEvent& e) { saves += e.kind == Kind::saved; };
  train(kVae, data, o);
  EXPECT_GT(saves, 20);
  EXPECT_EQ(bytes("often"), bytes("rarely"));
}

TEST_F(Train, AFullDiskAtAnyCallLosesNothing) {
  const Data data = factors();
  TrainOptions o = busy();
  o.out = in("whole");
  train(kVae, data, o);
  const std::string whole = bytes("whole");
  // A run stopped in an epoch after the warm-up; its resume meets the fault at call k of its
  // writes, of which the last run meets none.
  o.out = in("stopped");
  int steps = 0;
  o.stop = [&steps] { return ++steps == 42; };
  train(kVae, data, o);
  o.stop = nullptr;
  const std::string before = bytes("stopped");
  o.out = in("run");
  int calls = 1;
  for (int k = 1; k <= calls; ++k) {
    fs::remove_all(in("run"));
    fs::copy(in("stopped"), in("run"));
    int call = 0;
    set_file_fault([&](std::string_view, const std::string&) { return ++call >= k ? ENOSPC : 0; });
    try {
      train(kVae, data, o);
      ADD_FAILURE() << "call " << k;
    } catch (const SystemError& e) {
      EXPECT_EQ(e.error_number(), ENOSPC);
    }
    call = 0;
    set_file_fault([&](std::string_view, const std::string&) { return ++call, 0; });
    const std::string after = bytes("run");
    EXPECT_TRUE(after == before || after == whole) << "call " << k;
    train(kVae, data, o);
    calls = std::max(calls, call);
    set_file_fault({});
    EXPECT_EQ(bytes("run"), whole) << "call " << k;
    for (const auto& f : fs::directory_iterator(in("run")))
      EXPECT_NE(f.path().extension(), ".part");
  }
  EXPECT_GE(calls, 5 * 6);  // config, best, two of metrics, last
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

TEST_F(Train, AFinishedRunIsNotTouched) {
  TrainOptions o = busy();
  o.out = in("run");
  const Model first = train(kVae, factors(), o);
  std::map<std::string, fs::file_time_type> before;
  for (const auto& f : fs::directory_iterator(o.out))
    before[f.path().string()] = f.last_write_time();
  std::vector<Kind> kinds;
  o.progress = [&](const TrainEvent& e) { kinds.push_back(e.kind); };
  const Model again = train(kVae, factors(), o);
  EXPECT_EQ(kinds, std::vector{Kind::finished});
  for (const auto& f : fs::directory_iterator(o.out)) {
    ASSERT_TRUE(before.count(f.path().string())) << f.path();
    EXPECT_EQ(before[f.path().string()], f.last_write_time()) << f.path();
  }
  const std::vector<float> row(12, 0.5f);
  EXPECT_EQ(first.encode(row), again.encode(row));
}

TEST_F(Train, MoreEpochsGoOnUnlessAScheduleForbids) {
  TrainOptions o{.epochs = 3, .batch = 16, .out = in("run"), .threads = 1};
  train(kVae, factors(), o);
  o.epochs = 5;
  train(kVae, factors(), o);
  o.out = in("direct");
  train(kVae, factors(), o);
  EXPECT_EQ(bytes("run"), bytes("direct"));
  o.epochs = 4;
  o.out = in("run");
  EXPECT_THROW(train(kVae, factors(), o), UsageError);  // of another run: shorter
  o = {.epochs = 3, .batch = 16, .schedule = "cosine", .out = in("cosine"), .threads = 1};
  train(kVae, factors(), o);
  o.epochs = 5;
  EXPECT_THROW(train(kVae, factors(), o), UsageError);
}

TEST_F(Train, AFolderOfAnotherRunIsRefusedByName) {
  TrainOptions o{.epochs = 1, .batch = 16, .out = in("run"), .threads = 1};
  train(kVae, factors(), o);
  const auto refusal = [&](const Vae& vae, const TrainOptions& options) -> std::string {
    try {
      train(vae, factors(), options);
    } catch (const UsageError& e) {
      return e.what();
    }
    return "";
  };
  Vae other = kVae;
  other.c.latent = 4;
  EXPECT_NE(refusal(other, o).find("latent is 3 there, 4 here"), std::string::npos);
  o.seed = 2;
  EXPECT_NE(refusal(kVae, o).find("seed is 1 there, 2 here"), std::string::npos);
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
