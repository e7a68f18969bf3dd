// Residual quantization against loops: which vectors are chosen, what their sum leaves, where
// gradients go, which codes start again. The moving average's numbers: vq_vae_test.cc.
#include "models/residual_quantizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "latent/plan.h"

namespace latent {
namespace {

using models::Quantized;
using models::ResidualQuantizer;

constexpr size_t kRows = 5, kPlaces = 3, kUnits = 2, kLevels = 3, kCodes = 4;
constexpr size_t kValues = kRows * kPlaces * kUnits;
const ResidualQuantizer kQuantizer{.codes = kCodes, .units = kUnits, .levels = kLevels};

std::vector<float> noise(size_t count, uint64_t seed) {
  Tensor t({static_cast<int64_t>(count)});
  normal_init(0, 2).fill(t, seed, 1);
  return {t.span<float>().begin(), t.span<float>().end()};
}
std::vector<float> copy(std::span<const float> values) { return {values.begin(), values.end()}; }
std::string level_name(size_t level) {
  return level == 0 ? "book/" : "book/level" + std::to_string(level) + "/";
}

TEST(ResidualQuantizer, EachLevelTakesTheNearestOfItsBookToWhatIsLeft) {
  Graph g;
  const Scope book = Scope(g, false) / "book";
  const Quantized q = kQuantizer.quantize(book, g.feed("e", {kRows, kPlaces, kUnits}));
  for (size_t level = 0; level < kLevels; ++level) {
    const std::string name = std::to_string(level);
    g.fetch("code" + name, cast(q.codes[level], DType::f32));
    g.fetch("vector" + name, q.vectors[level]);
    g.fetch("given" + name, q.given[level]);
  }
  g.fetch("distance", q.distance);
  Slots slots(3);
  Plan plan(g, slots, {.threads = 1});
  std::vector<float> left = noise(kValues, 8);
  plan.feed("e", std::span<const float>(left));
  plan.run();
  double distance = 0;
  for (size_t level = 0; level < kLevels; ++level) {
    const auto own = slots.at(level_name(level) + "vectors").span<float>();
    const auto codes = plan.fetch("code" + std::to_string(level)),
               vectors = plan.fetch("vector" + std::to_string(level)),
               given = plan.fetch("given" + std::to_string(level));
    for (size_t at = 0; at < kValues; at += kUnits) {
      const auto from = [&](size_t k) {
        return std::hypot(left[at] - own[2 * k], left[at + 1] - own[2 * k + 1]);
      };
      size_t nearest = 0;
      for (size_t k = 1; k < kCodes; ++k) {
        if (from(k) < from(nearest)) nearest = k;
      }
      EXPECT_EQ(codes[at / kUnits], static_cast<float>(nearest));
      for (size_t j = at; j < at + kUnits; ++j) {
        EXPECT_EQ(given[j], left[j]);
        EXPECT_EQ(vectors[j], own[2 * nearest + j - at]) << "level " << level;
        left[j] -= vectors[j];
        distance += std::pow(static_cast<double>(left[j]), 2);
      }
    }
  }
  EXPECT_NEAR(plan.scalar("distance"), distance / kRows, 1e-4);
}

TEST(ResidualQuantizer, RowsTellTheirCodesAndCodesTheirRows) {
  Graph g;
  const Scope book = Scope(g, false) / "book";
  const Quantized q = kQuantizer.quantize(book, g.feed("e", {kRows, kPlaces, kUnits}));
  const Expr rows = models::side_by_side(q.vectors);
  EXPECT_EQ(rows.shape(), (Shape{kRows, kPlaces * kLevels * kUnits}));
  g.fetch("rows", rows);
  const std::vector<Expr> codes = kQuantizer.codes_of(book, rows),
                          vectors = kQuantizer.by_level(rows);
  g.fetch("again", kQuantizer.rows_of(book, codes));
  for (size_t level = 0; level < kLevels; ++level) {
    g.fetch("wrong_code" + std::to_string(level),
            sum(square(cast(codes[level], DType::f32) - cast(q.codes[level], DType::f32))));
    g.fetch("wrong_vector" + std::to_string(level), sum(square(vectors[level] - q.vectors[level])));
  }
  Slots slots(3);
  Plan plan(g, slots, {.threads = 1});
  plan.feed("e", std::span<const float>(noise(kValues, 8)));
  plan.run();
  EXPECT_EQ(copy(plan.fetch("again")), copy(plan.fetch("rows")));
  // Places, then levels, then values.
  const auto second = slots.at("book/level1/vectors").span<float>();
  const float found = plan.fetch("rows")[kUnits];
  EXPECT_NE(std::ranges::find(second, found), second.end());
  for (size_t level = 0; level < kLevels; ++level) {
    EXPECT_EQ(plan.scalar("wrong_code" + std::to_string(level)), 0);
    EXPECT_EQ(plan.scalar("wrong_vector" + std::to_string(level)), 0);
  }
}

TEST(ResidualQuantizer, GradientsPassStraightThroughAndTheDistancePullsToTheCode) {
  Graph g;
  const Expr e = g.feed("e", {kRows, kPlaces, kUnits}), w = g.feed("w", {kRows, kPlaces, kUnits});
  const Quantized q = kQuantizer.quantize(Scope(g, true) / "book", e);
  g.fetch("through", grad(sum(w * models::sum_of(q.vectors)), {e})[0]);
  g.fetch("pull", grad(q.distance, {e})[0]);
  Expr left = e, pull;
  for (size_t level = 0; level < kLevels; ++level) {
    left = left - q.vectors[level];
    pull = level == 0 ? left : pull + left;
  }
  g.fetch("expected", 2.0 / kRows * pull);
  Slots slots(3);
  Plan plan(g, slots, {.threads = 1});
  const std::vector<float> weights = noise(kValues, 9);
  plan.feed("e", std::span<const float>(noise(kValues, 8)));
  plan.feed("w", std::span<const float>(weights));
  plan.run();
  EXPECT_EQ(copy(plan.fetch("through")), weights);
  for (size_t i = 0; i < kValues; ++i)
    EXPECT_NEAR(plan.fetch("pull")[i], plan.fetch("expected")[i], 1e-5);
}

TEST(ResidualQuantizer, PerplexityIsThatOfTheBooksAndEvaluationMovesNone) {
  Graph g;
  const ResidualQuantizer two{.codes = 4, .units = 2, .levels = 2};
  const Scope book = Scope(g, false) / "book";
  const ResidualQuantizer::Perplexity p =
      two.follow(book, two.quantize(book, g.feed("e", {5, 3, 2})));
  g.fetch("mean", p.mean);
  g.fetch("least", p.least);
  Slots slots(3);
  Plan plan(g, slots, {.threads = 1});
  std::ranges::fill(slots.at("book/counts").span<float>(), 7.0f);
  std::ranges::copy(std::vector<float>{3, 0, 3, 0},
                    slots.at("book/level1/counts").span<float>().begin());
  const std::vector<float> before = copy(slots.at("book/vectors").span<float>());
  plan.feed("e", std::span<const float>(noise(30, 8)));
  plan.run();
  EXPECT_NEAR(plan.scalar("least"), 2, 1e-5);
  EXPECT_NEAR(plan.scalar("mean"), std::sqrt(4 * 2), 1e-5);
  EXPECT_EQ(copy(slots.at("book/vectors").span<float>()), before);
  EXPECT_EQ(slots.at("book/counts").span<float>()[0], 7);
}

// Four vectors a step, one place each.
const std::vector<float> kGiven = {0.2f, 0.1f, 0.9f, 1.3f, 0.8f, 0.6f, -0.1f, 0.1f};

/// The book after so many training steps on kGiven, from nothing.
std::vector<float> book_after(int steps, const ResidualQuantizer& quantizer) {
  Graph g;
  const Scope book = Scope(g, true) / "book";
  const auto p = quantizer.follow(book, quantizer.quantize(book, g.feed("e", {4, 1, 2})));
  g.fetch("perplexity", p.mean);
  Slots slots(5);
  Plan plan(g, slots, {.threads = 1});
  plan.feed("e", std::span<const float>(kGiven));
  for (int i = 0; i < steps; ++i) plan.run();
  return copy(slots.at("book/vectors").span<float>());
}

TEST(ResidualQuantizer, DeadCodesBecomeVectorsOfTheStepAndTheSameOnesInTwoRuns) {
  // Of a step of four vectors no code gets enough: all are dead.
  ResidualQuantizer q{.codes = 3, .units = 2, .decay = 0.999, .revive = 0.1};
  const std::vector<float> book = book_after(1, q);
  for (size_t k = 0; k < 3; ++k) {
    bool found = false;
    for (size_t i = 0; i < 4; ++i)
      found = found || (book[2 * k] == kGiven[2 * i] && book[2 * k + 1] == kGiven[2 * i + 1]);
    EXPECT_TRUE(found) << "code " << k << " is (" << book[2 * k] << ", " << book[2 * k + 1] << ")";
  }
  EXPECT_EQ(book_after(9, q), book_after(9, q));
  q.revive = 0;  // those that nobody chooses stay where they are: they do not drift to 0
  q.codes = 64;
  const std::vector<float> before = book_after(0, q), after = book_after(50, q);
  size_t stayed = 0;
  for (size_t i = 0; i < before.size(); i += 2) stayed += before[i] == after[i];
  EXPECT_GE(stayed, 60u);
}

}  // namespace
}  // namespace latent
