// Corruption: how much of a row each word changes, and to what.
#include "train/corrupt.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "latent/ops.h"
#include "latent/plan.h"
#include "latent/train.h"

namespace latent {
namespace {

constexpr int64_t kRows = 50;

/// Rows of 0.5 after corruption.
std::vector<float> damaged(const std::vector<std::string>& how, const Shape& row) {
  Graph g;
  const Expr x = g.feed("x", {kRows, row.elements()});
  g.fetch("out", corrupted(Scope(g, true) / "corrupt", x, how, {row, 0.1, 0.9}));
  Slots slots(3);
  Plan plan(g, slots);
  for (float& v : plan.feed("x")) v = 0.5f;
  plan.run();
  const auto out = plan.fetch("out");
  return {out.begin(), out.end()};
}

double share(const std::vector<float>& values, float v) {
  return static_cast<double>(std::count(values.begin(), values.end(), v)) /
         static_cast<double>(values.size());
}

TEST(Corruption, Gaussian) {
  const std::vector<float> x = damaged({"gaussian=0.2"}, {400});
  double sum = 0, squares = 0;
  for (const float v : x) {
    sum += v - 0.5;
    squares += (v - 0.5) * (v - 0.5);
  }
  EXPECT_NEAR(sum / 20000, 0, 0.01);
  EXPECT_NEAR(std::sqrt(squares / 20000), 0.2, 0.01);
}

TEST(Corruption, SaltAndMaskChangeWholePixels) {
  const Shape row{10, 20, 3};
  const std::vector<float> salt = damaged({"salt=0.2"}, row), mask = damaged({"mask=0.3"}, row);
  EXPECT_NEAR(share(salt, 0.1f), 0.1, 0.02);
  EXPECT_NEAR(share(salt, 0.9f), 0.1, 0.02);
  EXPECT_NEAR(share(salt, 0.5f), 0.8, 0.02);
  EXPECT_NEAR(share(mask, 0.1f), 0.3, 0.02);
  EXPECT_NEAR(share(mask, 0.5f), 0.7, 0.02);
  for (size_t i = 0; i < salt.size(); i += 3) {
    EXPECT_EQ(salt[i], salt[i + 1]);
    EXPECT_EQ(mask[i], mask[i + 2]);
  }
}

TEST(Corruption, ABlockIsARectangleOfItsSize) {
  const std::vector<float> x = damaged({"block=0.5"}, {8, 6, 2});
  std::set<std::pair<int, int>> corners;
  for (int r = 0; r < kRows; ++r) {
    int top = 8, bottom = -1, left = 6, right = -1, count = 0;
    for (int y = 0; y < 8; ++y) {
      for (int c = 0; c < 6; ++c) {
        if (x[static_cast<size_t>(((r * 8 + y) * 6 + c) * 2)] == 0.5f) continue;
        top = std::min(top, y);
        bottom = std::max(bottom, y);
        left = std::min(left, c);
        right = std::max(right, c);
        ++count;
      }
    }
    EXPECT_EQ(count, 12);
    EXPECT_EQ(bottom - top, 3);
    EXPECT_EQ(right - left, 2);
    corners.emplace(top, left);
  }
  EXPECT_GT(corners.size(), 10u) << "of 20 places";
}

/// The last training loss of an autoencoder of the digits.
double trained_loss(const std::vector<std::string>& how) {
  double loss = 0;
  TrainOptions o{.epochs = 10, .batch = 64, .rate = 3e-3, .corrupt = how, .threads = 1};
  o.progress = [&](const TrainEvent& e) {
    if (e.kind == TrainEvent::Kind::epoch) loss = e.training.front().second;
  };
  train(Autoencoder{{.hidden = {32}, .latent = 8}}, Data::open("digits"), o);
  return loss;
}

TEST(Corruption, TheEncoderSeesItAndTheTargetIsWhole) {
  const double whole = trained_loss({}), some = trained_loss({"mask=0.3"}),
               none = trained_loss({"mask=1"});
  EXPECT_LT(whole, some);
  EXPECT_LT(some, 0.9 * none) << "what is left tells of the rest";
  // Nothing of a row is seen: at best its mean over rows, whose error is the variance, 0.073 a
  // value of [0, 1]. Were the target damaged too, the error would be 0.
  EXPECT_NEAR(none, 0.075, 0.008);
}

TEST(Corruption, WordsThatThereAreNot) {
  for (const char* word : {"noise=1", "gaussian", "gaussian=", "gaussian=-1", "mask=1.5", "salt=x"})
    EXPECT_THROW(check_corruption({word}, {8, 8}), UsageError) << word;
  EXPECT_THROW(check_corruption({"block=0.5"}, {64}), UsageError);
  EXPECT_NO_THROW(check_corruption({"gaussian=3", "mask=1", "salt=0", "block=0.5"}, {8, 8}));
}

}  // namespace
}  // namespace latent
