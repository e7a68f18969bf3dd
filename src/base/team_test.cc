// The team: each part runs once, shares order memory, nobody waits for a thread that comes late,
// exceptions come back, and more threads than CPUs still finish.
#include "base/team.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

#include "latent/error.h"

namespace latent {
namespace {

TEST(Team, EachPartRunsOnceAndSharesOrderPlainMemory) {
  for (int threads : {1, 2, 3, 8}) {
    Team team(threads);
    std::vector<int> counts;
    std::vector<std::vector<int>> value;
    for (int t = 0; t < threads; ++t) {
      counts.push_back(5 * t % 4 + (t == 0));
      value.emplace_back(static_cast<size_t>(counts.back()), 0);
    }
    for (int round = 0; round < 20; ++round) {
      const std::function<void(int)> walk = [&](int t) {
        for (int stage = 0; stage < 50; ++stage) {
          team.share(t, counts.data(), [&](int owner, int k) {
            ++value[static_cast<size_t>(owner)][static_cast<size_t>(k)];
          });
          team.share(t, counts.data(), [&](int, int) {
            for (const std::vector<int>& of : value) {
              for (int v : of) EXPECT_EQ(v, 50 * round + stage + 1);
            }
          });
        }
      };
      team.run(walk);
      team.wait();
    }
  }
}

TEST(Team, AThreadThatComesLateHoldsNobody) {
  Team team(3);
  const std::vector<int> counts = {1, 2, 1};
  std::atomic<int> parts = 0;
  std::atomic<bool> woken = false;
  const std::function<void(int)> walk = [&](int t) {
    if (t == 1) {
      while (!woken) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    for (int stage = 0; stage < 3; ++stage)
      team.share(t, counts.data(), [&](int, int) { ++parts; });
  };
  team.run(walk);
  EXPECT_EQ(parts, 12);
  EXPECT_FALSE(team.back());
  woken = true;
  team.wait();
  EXPECT_TRUE(team.back());
  EXPECT_EQ(parts, 12);
}

TEST(Team, AShareOfNothingIsOver) {
  Team team(2);
  const std::vector<int> none = {0, 0}, one = {0, 1};
  std::atomic<int> parts = 0;
  const std::function<void(int)> walk = [&](int t) {
    team.share(t, none.data(), [&](int, int) { ++parts; });
    team.share(t, one.data(), [&](int, int) { ++parts; });
  };
  team.run(walk);
  team.wait();
  EXPECT_EQ(parts, 1);
}

TEST(Team, ExceptionsComeBackAndTheTeamStaysUsable) {
  Team team(4);
  const std::vector<int> counts(4, 1);
  for (int failing = 0; failing < 4; ++failing) {
    const std::function<void(int)> fails = [&](int t) {
      team.share(t, counts.data(), [&](int owner, int) {
        if (owner == failing) throw UsageError("asked for");
      });
      for (int i = 0; i < 3; ++i) team.share(t, counts.data(), [](int, int) {});
    };
    EXPECT_THROW(team.run(fails), UsageError);
    std::atomic<int> ran{0};
    const std::function<void(int)> works = [&](int t) {
      team.share(t, counts.data(), [&](int, int) { ++ran; });
    };
    team.run(works);
    EXPECT_EQ(ran, 4);
    team.wait();
  }
}

TEST(Team, WhatAThreadThrowsLateComesFromWait) {
  Team team(2);
  std::atomic<bool> returned = false;
  const std::function<void(int)> walk = [&](int t) {
    if (t == 0) return;
    while (!returned) std::this_thread::yield();
    throw UsageError("asked for");
  };
  team.run(walk);
  returned = true;
  EXPECT_THROW(team.wait(), UsageError);
}

TEST(Team, ThreadsFromTheEnvironment) {
  setenv("LATENT_THREADS", "3", 1);
  EXPECT_EQ(default_threads(), 3);
  for (const char* bad : {"0", "-1", "two", "3x", "100000"}) {
    setenv("LATENT_THREADS", bad, 1);
    EXPECT_THROW(default_threads(), UsageError) << bad;
  }
  unsetenv("LATENT_THREADS");
  EXPECT_GE(default_threads(), 1);
  EXPECT_THROW(Team(0), UsageError);
}

TEST(Team, IsReadyWhenMade) {
  std::atomic<int> started = 0;
  const Team team(4, [&] { ++started; });
  EXPECT_EQ(started, 3);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they map the whole space
TEST(Team, ASystemThatGivesFewerThreadsIsSaid) {
  const auto team_within_a_gigabyte = [] {
    rlimit space{.rlim_cur = 1 << 30, .rlim_max = 1 << 30};
    setrlimit(RLIMIT_AS, &space);
    try {
      const Team team(1024);  // each stack takes some megabytes of it
    } catch (const SystemError& e) {
      std::fprintf(stderr, "%s", e.what());
      _exit(7);
    }
    _exit(0);
  };
  EXPECT_EXIT(team_within_a_gigabyte(), testing::ExitedWithCode(7),
              "a team of 1024 threads: the system starts [0-9]+; ask for fewer");
}
#endif

}  // namespace
}  // namespace latent
