// Numbers in words, at the borders between units.
#include "report/words.h"

#include <gtest/gtest.h>

namespace latent {
namespace {

TEST(Words, Durations) {
  EXPECT_EQ(duration_text(0), "0 s");
  EXPECT_EQ(duration_text(0.00621), "0.0062 s");
  EXPECT_EQ(duration_text(9.94), "9.9 s");
  EXPECT_EQ(duration_text(9.96), "10 s");
  EXPECT_EQ(duration_text(119), "119 s");
  EXPECT_EQ(duration_text(720), "12.0 min");
  EXPECT_EQ(duration_text(16200), "4.5 h");
}

TEST(Words, Counts) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(980), "980");
  EXPECT_EQ(count_text(1234), "1.2k");
  EXPECT_EQ(count_text(48200), "48k");
  EXPECT_EQ(count_text(999600), "1.0M");
  EXPECT_EQ(count_text(12345678), "12M");
}

TEST(Words, NounsFollowTheirNumber) {
  EXPECT_EQ(counted(0, "row"), "0 rows");
  EXPECT_EQ(counted(1, "row"), "1 row");
  EXPECT_EQ(counted(2, "unit"), "2 units");
}

}  // namespace
}  // namespace latent
