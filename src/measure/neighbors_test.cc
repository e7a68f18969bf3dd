// Nearest rows by hand.
#include "measure/neighbors.h"

#include <gtest/gtest.h>

#include "latent/error.h"

namespace latent::measure {
namespace {

std::vector<int64_t> rows(const std::vector<Neighbor>& found) {
  std::vector<int64_t> ids;
  for (const Neighbor& n : found) ids.push_back(n.row);
  return ids;
}

const std::vector<float> kPoints = {0, 0, 3, 4, 10, 0, 3, 4, 0, 1};

TEST(Neighbors, AreInOrderAndTiesByRow) {
  const std::vector<float> query = {0, 0};
  const auto found = nearest(kPoints, query, 4);
  EXPECT_EQ(rows(found), (std::vector<int64_t>{0, 4, 1, 3}));
  EXPECT_EQ(found[2].distance, 5);
  EXPECT_EQ(rows(nearest(kPoints, query, 2, Metric::euclidean, 0)), (std::vector<int64_t>{4, 1}));
  EXPECT_EQ(nearest(kPoints, query, 100).size(), 5u);
}

TEST(Neighbors, ByTheAngle) {
  const std::vector<float> query = {1, 0};
  const auto found = nearest(kPoints, query, 5, Metric::cosine);
  EXPECT_EQ(rows(found), (std::vector<int64_t>{2, 1, 3, 0, 4})) << "zero has no direction";
  EXPECT_NEAR(found[1].distance, 1 - 0.6, 1e-12);
  EXPECT_EQ(nearest(kPoints, std::vector<float>{3, 4}, 1, Metric::cosine)[0].distance, 0);
}

TEST(Neighbors, RefuseOtherWidths) {
  EXPECT_THROW(nearest(kPoints, std::vector<float>{1, 2, 3}, 1), UsageError);
}

}  // namespace
}  // namespace latent::measure
