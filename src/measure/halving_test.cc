// Rungs and survivors by hand.
#include "measure/halving.h"

#include <gtest/gtest.h>

#include <cmath>

#include "latent/error.h"

namespace latent::measure {
namespace {

using Epochs = std::vector<int64_t>;

TEST(Halving, RungsGrowToTheFullLength) {
  EXPECT_EQ(rung_epochs(9, 90, 3, 1), (Epochs{10, 30, 90}));
  EXPECT_EQ(rung_epochs(4, 200, 3, 1), (Epochs{22, 66, 200}));
  EXPECT_EQ(rung_epochs(1, 50, 3, 1), (Epochs{50}));
  EXPECT_EQ(rung_epochs(100, 10, 3, 2), (Epochs{3, 10})) << "none below two epochs";
  EXPECT_THROW(rung_epochs(0, 10, 3, 1), UsageError);
  EXPECT_THROW(rung_epochs(3, 10, 1, 1), UsageError);
}

TEST(Halving, TheBestGoOnAndNoNumberIsLast) {
  const std::vector<double> losses = {5, 2, NAN, 2, 1, 9, 8};
  EXPECT_EQ(best_settings(losses, 3), (std::vector<size_t>{4, 1, 3}));
  EXPECT_EQ(best_settings(std::vector<double>{NAN, 3}, 2), (std::vector<size_t>{1}));
}

}  // namespace
}  // namespace latent::measure
