// Runs in a folder: resuming at any step, damaged and full disks, finished and other runs.
#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "data/safetensors.h"
#include "train/test_runs.h"

namespace latent {
namespace {

using Resume = RunFolderTest;

TEST_F(Resume, StoppedAtAnyStepTheResultIsTheSame) {
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

TEST_F(Resume, ACycleGoesOnWhereItWas) {
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

TEST_F(Resume, AfterSoLongItStopsAndGoesOnWhenAskedAgain) {
  TrainOptions o{.epochs = 3, .batch = 16, .out = in("run"), .threads = 1, .max_seconds = 1e-9};
  Kind last{};
  o.progress = [&](const TrainEvent& e) { last = e.kind; };
  int runs = 0;
  do train(kVae, factors(), o);
  while (++runs < 100 && last == Kind::stopped);
  EXPECT_EQ(last, Kind::finished);
  EXPECT_GT(runs, 3);
}

TEST_F(Resume, AnotherMachineIsWarnedOf) {
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

TEST_F(Resume, ADamagedCheckpointIsRefused) {
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

TEST_F(Resume, SavingOftenChangesNothing) {
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

TEST_F(Resume, AFullDiskAtAnyCallLosesNothing) {
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

TEST_F(Resume, AFinishedRunIsNotTouched) {
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

TEST_F(Resume, MoreEpochsGoOnUnlessAScheduleForbids) {
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

TEST_F(Resume, AFolderOfAnotherRunIsRefusedByName) {
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

}  // namespace
}  // namespace latent
