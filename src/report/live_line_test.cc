// The live line: what it says, and that it fits whatever the width.
#include "report/live_line.h"

#include <gtest/gtest.h>

namespace latent {
namespace {

Progress halfway() {
  return {.epoch = 100,
          .epochs = 200,
          .step = 5000,
          .steps = 10000,
          .rows_per_second = 48200,
          .seconds_left = 2.1,
          .parts = {{"loss", 24.5321}, {"reconstruction", 21.0123}, {"kl", 3.5198}},
          .held_out = 24.6789,
          .validated = true};
}

size_t columns(const std::string& line) {
  size_t n = 0;
  for (size_t i = 0; i < line.size(); ++i, ++n) {
    if (line[i] == '\x1b') i = line.find('m', i) + 1;
  }
  return n;
}

TEST(LiveLine, SaysAllWhereThereIsRoom) {
  EXPECT_EQ(live_line(halfway(), 140, false),
            "epoch 100/200  [===============>              ]  loss 24.532  reconstruction 21.012  "
            "kl 3.5198  held out 24.679  48k rows/s  ETA 3 s  ");
}

TEST(LiveLine, LeavesOutWhatDoesNotFit) {
  EXPECT_EQ(live_line(halfway(), 80, false),
            "epoch 100/200  [===========>          ]  loss 24.532  held out 24.679  ETA 3 s  ");
  EXPECT_EQ(live_line(halfway(), 40, false), "epoch 100/200  loss 24.532  ETA 3 s  ");
  EXPECT_EQ(live_line(halfway(), 20, false), "epoch 100/200");
}

TEST(LiveLine, FitsAnyWidth) {
  Progress p = halfway();
  for (const int64_t epochs : {int64_t{1}, int64_t{200}, int64_t{1000000000}}) {
    p.epochs = epochs;
    for (int width = 20; width < 200; ++width) {
      EXPECT_LE(columns(live_line(p, width, false)), static_cast<size_t>(width)) << epochs;
      EXPECT_LE(columns(live_line(p, width, true)), static_cast<size_t>(width)) << epochs;
    }
  }
}

TEST(LiveLine, ColourTakesNoColumns) {
  const std::string plain = live_line(halfway(), 100, false),
                    colour = live_line(halfway(), 100, true);
  EXPECT_EQ(plain.find('\x1b'), std::string::npos);
  EXPECT_NE(colour.find("\x1b[32m"), std::string::npos);
  EXPECT_EQ(columns(colour), plain.size());
}

TEST(LiveLine, KnowsNothingAtTheStart) {
  EXPECT_EQ(live_line({.epoch = 1, .epochs = 3, .steps = 9}, 30, false),
            "epoch 1/3  [>                ]");
}

}  // namespace
}  // namespace latent
