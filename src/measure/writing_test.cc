// Writing by draws and by beams: from a writer whose probabilities are known, and from a text model
// against its own likeliest text.
#include "measure/writing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "latent/ops.h"
#include "latent/text_models.h"

namespace latent::measure {
namespace {

/// Elements 3, 4, 5, 6 with the given probabilities, each time; a code of one unit.
Architecture known(const std::vector<double>& probabilities, int64_t length) {
  Architecture a{.name = "known", .inputs = length, .latent = 1};
  a.writer = Writer{.vocabulary = 3 + std::ssize(probabilities),
                    .length = length,
                    .start = [](const Scope&, Expr z) { return std::vector<Expr>{z}; },
                    .next =
                        [probabilities](const Scope&, std::vector<Expr>& state, Expr) {
                          const Expr zero = state[0] * 0;
                          std::vector<Expr> logits(3, zero - 1000);
                          for (const double p : probabilities) logits.push_back(zero + std::log(p));
                          return concat(logits, 1);
                        }};
  return a;
}

double share(const std::vector<float>& rows, float value) {
  return static_cast<double>(std::ranges::count(rows, value)) / static_cast<double>(rows.size());
}

TEST(Writing, DrawsFollowTheOptions) {
  const Architecture a = known({0.4, 0.3, 0.2, 0.1}, 100);
  const std::vector<float> codes(100, 0.0f);
  const auto with = [&](WritingOptions o) { return write_rows(a, Slots(1), codes, o); };
  const double bar = 4 * std::sqrt(0.25 / 10000);  // 4 standard errors at most
  const std::vector<float> plain = with({});
  for (int i = 0; i < 4; ++i)
    EXPECT_NEAR(share(plain, 3.0f + static_cast<float>(i)), 0.4 - 0.1 * i, bar);
  const std::vector<float> two = with({.top_k = 2});
  EXPECT_NEAR(share(two, 3), 4.0 / 7, bar);
  EXPECT_NEAR(share(two, 4), 3.0 / 7, bar);
  const std::vector<float> most = with({.top_p = 0.65});  // 0.4 is less, 0.7 is enough
  EXPECT_NEAR(share(most, 3), 4.0 / 7, bar);
  EXPECT_EQ(share(most, 5), 0);
  EXPECT_EQ(share(with({.temperature = 0}), 3), 1);
  const double cold = 16 / (16 + 9 + 4 + 1.0);
  EXPECT_NEAR(share(with({.temperature = 0.5}), 3), cold, bar);
}

TEST(Writing, ARowIsTheSameAmongOthers) {
  const Architecture a = known({0.4, 0.3, 0.2, 0.1}, 10);
  const std::vector<float> many =
                               write_rows(a, Slots(1), std::vector<float>(150, 0.0f), {.seed = 3}),
                           few = write_rows(a, Slots(1), std::vector<float>(3, 0.0f), {.seed = 3});
  EXPECT_TRUE(std::equal(few.begin(), few.end(), many.begin()));
  EXPECT_NE(write_rows(a, Slots(1), std::vector<float>(3, 0.0f), {.seed = 4}), few);
}

/// First 3 (0.6) or 4 (0.4); after 3 four elements of 0.25 each, after 4 the end for certain.
Architecture garden_path() {
  Architecture a{.name = "path", .inputs = 4, .latent = 1};
  a.writer = Writer{
      .vocabulary = 7,
      .length = 4,
      .start = [](const Scope&, Expr z) { return std::vector<Expr>{z * 0}; },
      .next =
          [](const Scope&, std::vector<Expr>& state, Expr before) {
            const Expr zero = state[0], b = reshape(cast(before, DType::f32), zero.shape());
            const auto row = [&](std::vector<double> p) {
              std::vector<Expr> logits;
              for (const double v : p) logits.push_back(zero + std::log(std::max(v, 1e-30)));
              return concat(logits, 1);
            };
            const Expr first = row({0, 0, 0, .6, .4, 0, 0}),
                       four = row({0, 0, 0, .25, .25, .25, .25}), end = row({0, 1, 0, 0, 0, 0, 0});
            return where(equal(b, 0), first, where(equal(b, 4), end, four));
          }};
  return a;
}

TEST(Writing, BeamsFindWhatGreedMisses) {
  const std::vector<float> codes(3, 0.0f);
  const std::vector<float> greedy = write_rows(garden_path(), Slots(1), codes, {.temperature = 0});
  EXPECT_EQ(greedy[0], 3);
  for (const int64_t beam : {2, 5}) {
    const std::vector<float> best = write_rows(garden_path(), Slots(1), codes, {.beam = beam});
    for (size_t r = 0; r < 3; ++r) {
      EXPECT_EQ(std::vector<float>(best.begin() + static_cast<ptrdiff_t>(4 * r),
                                   best.begin() + static_cast<ptrdiff_t>(4 * r + 4)),
                (std::vector<float>{4, 1, 0, 0}));
    }
  }
}

TEST(Writing, ATextModelsLikeliestTextIsItsMean) {
  for (const char* decoder : {"cell", "conv"}) {
    const Architecture a = architecture(TextVae{{.vocabulary = 30,
                                                 .embedding = 8,
                                                 .decoder = decoder,
                                                 .units = 16,
                                                 .depth = 3,
                                                 .latent = 3}},
                                        12);
    Graph g;
    g.fetch("mean", a.decode_mean(Scope(g, false), g.feed("z", {5, 3})));
    Slots slots(4);
    Plan plan(g, slots, {.threads = 1});
    for (size_t i = 0; i < plan.feed("z").size(); ++i)
      plan.feed("z")[i] = 3 * std::sin(static_cast<float>(7 * i));
    const std::vector<float> codes(plan.feed("z").begin(), plan.feed("z").end());
    plan.run();
    const auto mean = plan.fetch("mean");
    const std::vector<float> expected(mean.begin(), mean.end());
    EXPECT_EQ(write_rows(a, slots, codes, {.temperature = 0}), expected) << decoder;
    EXPECT_EQ(write_rows(a, slots, codes, {.beam = 1}), expected) << decoder;
  }
}

TEST(Writing, WhatCannotBeIsRefused) {
  const std::vector<float> codes(1, 0.0f);
  EXPECT_THROW(write_rows(known({1}, 3), Slots(1), codes, {.top_p = 0}), UsageError);
  EXPECT_THROW(write_rows(known({1}, 3), Slots(1), codes, {.beam = 65}), UsageError);
  EXPECT_THROW(write_rows(architecture(Vae{{.hidden = {4}, .latent = 1}}, 3), Slots(1), codes, {}),
               UsageError);
}

}  // namespace
}  // namespace latent::measure
