// The prior of codes against sums over all of them, and what each code is given of the others.
#include "models/code_prior.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "latent/ops.h"
#include "latent/plan.h"

namespace latent {
namespace {

using models::CodePrior;

void stir(Slots& slots) {  // biases start at 0, which would hide mistakes
  for (const auto& [name, t] : slots.tensors()) {
    Tensor noise(t.shape());
    normal_init(0, 0.7).fill(noise, 11, std::hash<std::string>{}(name));
    std::ranges::copy(noise.span<float>(), slots.at(name).span<float>().begin());
  }
}

std::string feed_of(size_t level) { return "k" + std::to_string(level); }

/// A feed [n, places] for each level.
std::vector<Expr> feeds(Graph& g, const CodePrior& p, int64_t n) {
  std::vector<Expr> k;
  for (size_t level = 0; level < static_cast<size_t>(p.levels); ++level)
    k.push_back(g.feed(feed_of(level), {n, p.height * p.width}, DType::i32));
  return k;
}

/// Four codes of three classes each, in every way that there is, under random weights.
void expect_probabilities(const CodePrior& prior) {
  const auto places = static_cast<size_t>(prior.height * prior.width),
             levels = static_cast<size_t>(prior.levels);
  ASSERT_EQ(places * levels, 4u);
  constexpr int64_t kDraws = 8192;
  Graph g;
  const Scope s(g, false);
  g.fetch("nll", prior.nll(s, feeds(g, prior, 81)));
  const std::vector<Expr> draws = prior.draw(s, kDraws, g.feed("t", {kDraws, 1}));
  ASSERT_EQ(draws.size(), levels);
  for (size_t level = 0; level < levels; ++level) g.fetch("drawn" + feed_of(level), draws[level]);
  Slots slots(1);
  Plan plan(g, slots, {.threads = 1});
  stir(slots);
  // Keys hold the codes level by level, as the feeds do.
  std::vector<std::vector<int32_t>> codes;
  for (int code = 0; code < 81; ++code) {
    codes.emplace_back();
    for (int i = 0, rest = code; i < 4; ++i, rest /= 3) codes.back().push_back(rest % 3);
  }
  for (size_t level = 0; level < levels; ++level) {
    std::vector<int32_t> of_level;
    for (const auto& k : codes) {
      const auto first = k.begin() + static_cast<ptrdiff_t>(level * places);
      of_level.insert(of_level.end(), first, first + static_cast<ptrdiff_t>(places));
    }
    plan.feed<int32_t>(feed_of(level), of_level);
  }
  std::ranges::fill(plan.feed("t"), 1.0f);
  plan.run();
  double total = 0;
  std::map<std::vector<int32_t>, double> expected;
  for (size_t i = 0; i < codes.size(); ++i) {
    const double p = std::exp(-static_cast<double>(plan.fetch("nll")[i]));
    total += p;
    expected[codes[i]] = p;
  }
  EXPECT_NEAR(total, 1, 1e-5);
  const auto drawn = [&](size_t row) {
    std::vector<int32_t> k;
    for (size_t level = 0; level < levels; ++level) {
      for (size_t place = 0; place < places; ++place)
        k.push_back(
            static_cast<int32_t>(plan.fetch("drawn" + feed_of(level))[row * places + place]));
    }
    return k;
  };
  std::map<std::vector<int32_t>, int> counts;
  for (size_t row = 0; row < static_cast<size_t>(kDraws); ++row) ++counts[drawn(row)];
  for (const auto& [k, p] : expected) {
    const double share = counts[k] / static_cast<double>(kDraws);
    EXPECT_NEAR(share, p, 5 * std::sqrt(p * (1 - p) / kDraws) + 1e-4);
  }
  // At temperature 0 all rows are the likeliest class of each place.
  std::ranges::fill(plan.feed("t"), 0.0f);
  plan.run();
  for (size_t row = 1; row < static_cast<size_t>(kDraws); ++row) EXPECT_EQ(drawn(row), drawn(0));
}

TEST(CodePrior, ProbabilitiesOfAllCodesAddTo1AndDrawsFollowThem) {
  expect_probabilities({2, 2, 3, 8, 2});
}
TEST(CodePrior, SoDoThoseOfTwoLevels) { expect_probabilities({1, 2, 3, 8, 2, 2}); }
TEST(CodePrior, AndOfFourAtOnePlace) { expect_probabilities({1, 1, 3, 8, 2, 4}); }
TEST(CodePrior, AndFrequenciesOfLevels) { expect_probabilities({2, 1, 3, 8, 0, 2}); }

// Draws keep what layers were given at the row and the place before; logits of the codes drawn,
// made over the whole grid at once, must say the same.
TEST(CodePrior, TheLikeliestCodesAreThoseOfTheirLogits) {
  constexpr int64_t kRows = 4, kPlaces = 4 * 5;
  const CodePrior prior{4, 5, 7, 8, 3, 2};
  Graph g;
  const Scope s(g, false);
  std::vector<Expr> codes = prior.draw(s, kRows, g.feed("t", {kRows, 1}));
  for (Expr& k : codes) k = cast(k, DType::i32);
  const std::vector<Expr> logits = prior.logits(s, codes);
  for (size_t level = 0; level < 2; ++level) {
    const Expr likeliest = argmax(reshape(logits[level], {kRows, kPlaces, 7}));
    g.fetch("drawn" + feed_of(level), cast(codes[level], DType::f32));
    g.fetch("likeliest" + feed_of(level), cast(likeliest, DType::f32));
  }
  Slots slots(1);
  Plan plan(g, slots, {.threads = 1});
  stir(slots);
  std::ranges::fill(plan.feed("t"), 0.0f);
  plan.run();
  std::set<float> seen;
  for (size_t level = 0; level < 2; ++level) {
    const auto drawn = plan.fetch("drawn" + feed_of(level)),
               likeliest = plan.fetch("likeliest" + feed_of(level));
    ASSERT_EQ(drawn.size(), static_cast<size_t>(kRows * kPlaces));
    for (size_t i = 0; i < drawn.size(); ++i)
      EXPECT_EQ(drawn[i], likeliest[i]) << level << ", " << i;
    seen.insert(drawn.begin(), drawn.end());
  }
  EXPECT_GT(seen.size(), 2u) << "places differ, so that a mistake shows";
}

/// For each code, in the order place by place and level by level within it, which others' logits
/// it changes.
std::vector<std::vector<bool>> reach_of(const CodePrior& prior) {
  const auto places = static_cast<size_t>(prior.height * prior.width),
             levels = static_cast<size_t>(prior.levels),
             classes = static_cast<size_t>(prior.classes), codes = places * levels;
  Graph g;
  const std::vector<Expr> logits = prior.logits(Scope(g, false), feeds(g, prior, 1));
  for (size_t level = 0; level < levels; ++level) g.fetch("of" + feed_of(level), logits[level]);
  Slots slots(1);
  Plan plan(g, slots, {.threads = 1});
  stir(slots);
  const auto run = [&](size_t changed, int32_t value) {
    for (size_t level = 0; level < levels; ++level) {
      std::vector<int32_t> k(places, 2);
      if (changed % levels == level) k[changed / levels] = value;
      plan.feed<int32_t>(feed_of(level), k);
    }
    plan.run();
    std::vector<std::vector<float>> found;
    for (size_t code = 0; code < codes; ++code) {
      const auto v =
          plan.fetch("of" + feed_of(code % levels)).subspan(code / levels * classes, classes);
      found.emplace_back(v.begin(), v.end());
    }
    return found;
  };
  std::vector<std::vector<bool>> reaches(codes, std::vector<bool>(codes));
  for (size_t at = 0; at < codes; ++at) {
    const auto a = run(at, 2), b = run(at, 4);
    for (size_t code = 0; code < codes; ++code) reaches[at][code] = a[code] != b[code];
  }
  return reaches;
}

TEST(CodePrior, APlaceKnowsThoseBeforeItAndNoOther) {
  const auto reaches = reach_of({3, 4, 5, 8, 2});
  for (size_t at = 0; at < 12; ++at) {
    for (size_t place = 0; place <= at; ++place)
      EXPECT_FALSE(reaches[at][place]) << at << " reaches " << place;
    const auto reached = [&](size_t place) { return place >= 12 || reaches[at][place]; };
    EXPECT_TRUE(at % 4 == 3 || reached(at + 1)) << "left of " << at + 1;
    EXPECT_TRUE(reached(at + 4)) << "above " << at + 4;
    EXPECT_TRUE(at % 4 == 0 || reached(at + 3)) << "above, right of " << at + 3;
  }
}

TEST(CodePrior, ALevelKnowsThoseBeforeItAndAllOfThePlacesBefore) {
  const auto reaches = reach_of({2, 3, 5, 8, 2, 3});
  for (size_t at = 0; at < 18; ++at) {
    for (size_t code = 0; code <= at; ++code)
      EXPECT_FALSE(reaches[at][code]) << at << " reaches " << code;
    for (size_t code = at + 1; code < at / 3 * 3 + 3; ++code)
      EXPECT_TRUE(reaches[at][code]) << "level " << at % 3 << " before " << code % 3;
    for (size_t code = at / 3 * 3 + 9; code < at / 3 * 3 + 12 && code < 18; ++code)
      EXPECT_TRUE(reaches[at][code]) << "above, level " << code % 3;
  }
}

}  // namespace
}  // namespace latent
