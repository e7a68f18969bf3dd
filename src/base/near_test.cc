// Near misses are found, and far ones are not offered.
#include "base/near.h"

#include <gtest/gtest.h>

namespace latent {
namespace {

TEST(Near, FindsSmallSlips) {
  const std::string_view names[] = {"digits", "encode", "decode", "train"};
  EXPECT_EQ(nearest_name("digit", names), "digits");
  EXPECT_EQ(nearest_name("digits", names), "digits");
  EXPECT_EQ(nearest_name("idgits", names), "digits");
  EXPECT_EQ(nearest_name("ditigs", names), "digits");
  EXPECT_EQ(nearest_name("trian", names), "train");
  EXPECT_EQ(nearest_name("dencode", names), "encode");
}

TEST(Near, OffersNothingFar) {
  const std::string_view names[] = {"digits", "ab"};
  EXPECT_EQ(nearest_name("mnist", names), "");
  EXPECT_EQ(nearest_name("", names), "");
  EXPECT_EQ(nearest_name("xy", names), "");
  EXPECT_EQ(nearest_name("digits", {}), "");
}

}  // namespace
}  // namespace latent
