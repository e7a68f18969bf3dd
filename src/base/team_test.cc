// The team: every thread runs, barriers order memory, exceptions come back, and more threads than
// CPUs still finish.
#include "base/team.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <vector>

#include "latent/error.h"

namespace latent {
namespace {

TEST(Team, BarriersOrderPlainMemory) {
  for (int threads : {1, 2, 3, 8}) {
    Team team(threads);
    std::vector<int> value(static_cast<size_t>(threads), 0);
    for (int round = 0; round < 20; ++round) {
      team.run([&](int t) {
        for (int stage = 0; stage < 50; ++stage) {
          value[static_cast<size_t>(t)] = stage;
          team.barrier();
          for (int v : value) EXPECT_EQ(v, stage);
          team.barrier();
        }
      });
    }
  }
}

TEST(Team, ExceptionsComeBackAndTheTeamStaysUsable) {
  Team team(4);
  for (int failing = 0; failing < 4; ++failing) {
    EXPECT_THROW(team.run([&](int t) {
      if (t == failing) throw UsageError("asked for");
      for (int i = 0; i < 3; ++i) team.barrier();
    }),
                 UsageError);
    std::atomic<int> ran{0};
    team.run([&](int) {
      team.barrier();
      ++ran;
    });
    EXPECT_EQ(ran, 4);
  }
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

}  // namespace
}  // namespace latent
