// The check of the machine passes where the tests pass.
#include "measure/self_check.h"

#include <gtest/gtest.h>

namespace latent::measure {
namespace {

TEST(SelfCheck, PassesHere) {
  const std::vector<Check> checks = self_check();
  EXPECT_EQ(checks.size(), 2u);
  for (const Check& c : checks) EXPECT_TRUE(c.good) << c.what;
}

}  // namespace
}  // namespace latent::measure
