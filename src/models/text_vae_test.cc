// Text models: they learn eight sentences by heart, what is forced and what is written agree,
// padding counts nothing, the same bits for any number of threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "latent/ops.h"
#include "latent/optim.h"
#include "latent/plan.h"
#include "latent/recurrent.h"
#include "latent/text_models.h"

namespace latent {
namespace {

const std::vector<std::string> kSentences = {
    "the cat sat",    "a dog ran off", "it rains", "we sing a song",
    "the moon rises", "birds fly",     "no",       "time goes on and",
};
constexpr int64_t kWindow = 16, kRows = 8;

/// Bytes as their own numbers, then the end, then padding.
std::vector<float> rows() {
  std::vector<float> x;
  for (const std::string& s : kSentences) {
    std::vector<float> row(s.begin(), s.end());
    row.push_back(1);
    row.resize(kWindow);
    x.insert(x.end(), row.begin(), row.end());
  }
  return x;
}

TextVae::Config small(const std::string& cell, const std::string& decoder) {
  return {.inputs = kWindow,
          .vocabulary = 128,
          .embedding = 16,
          .cell = cell,
          .decoder = decoder,
          .units = 48,
          .depth = 3,
          .latent = 8};
}
const std::pair<const char*, const char*> kKinds[] = {
    {"gru", "cell"}, {"lstm", "cell"}, {"gru", "conv"}};

/// Trains for some steps on the eight rows; what the plan fetches last.
std::vector<float> trained(Slots& slots, const TextVae& vae, int steps, int threads) {
  Graph g;
  const Loss loss = vae.loss(Scope(g, true), {.x = g.feed("x", {kRows, kWindow})});
  minimize(g, loss.total, Adam{.rate = 1e-2});
  g.fetch("reconstruction", loss.parts[0].second);
  Plan plan(g, slots, {.threads = threads});
  plan.feed("x", std::span<const float>(rows()));
  for (int i = 0; i < steps; ++i) plan.run();
  const auto v = plan.fetch("reconstruction");
  return {v.begin(), v.end()};
}

TEST(TextVae, LearnsEightSentencesByHeart) {
  for (const auto& [cell, decoder] : kKinds) {
    TextVae vae{small(cell, decoder)};
    vae.c.beta = 0.01;
    Slots slots(1);
    EXPECT_LT(trained(slots, vae, 300, 1)[0], 0.5) << cell << " " << decoder;
    Graph g;
    const Scope s(g, false);
    vae.nll(s, g.feed("z", {kRows, 8}), g.feed("again", {kRows, kWindow}));  // shares the slots
    g.fetch("written", vae.decode_mean(s, vae.encode(s, g.feed("x", {kRows, kWindow})).mean));
    Plan plan(g, slots, {.threads = 1});
    plan.feed("x", std::span<const float>(rows()));
    plan.run();
    const auto written = plan.fetch("written");
    EXPECT_EQ(std::vector<float>(written.begin(), written.end()), rows()) << cell << " " << decoder;
  }
}

TEST(TextAutoencoder, LearnsEightSentencesByHeart) {
  const TextAutoencoder net{{.inputs = kWindow,
                             .vocabulary = 128,
                             .embedding = 16,
                             .cell = "lstm",
                             .units = 48,
                             .latent = 8}};
  Slots slots(1);
  Graph g;
  const Scope s(g, true);
  const Expr x = g.feed("x", {kRows, kWindow});
  const Loss loss = net.loss(s, {.x = x});
  minimize(g, loss.total, Adam{.rate = 1e-2});
  g.fetch("loss", loss.total);
  Plan plan(g, slots, {.threads = 1});
  plan.feed("x", std::span<const float>(rows()));
  for (int i = 0; i < 600; ++i) plan.run();
  EXPECT_LT(plan.scalar("loss"), 0.2);
}

/// -log p(x|z) of each row: under teacher forcing, or summed over what the writer says step by
/// step.
std::vector<float> nll_of(const TextVae& vae, bool stepwise, std::span<const float> values) {
  Graph g;
  const Scope s(g, false);
  const Expr x = g.feed("x", {kRows, kWindow}), z = g.feed("z", {kRows, 8});
  if (!stepwise) {
    g.fetch("nll", vae.nll(s, z, x));
  } else {
    const Writer w = vae.writer();
    std::vector<Expr> state = w.start(s, z);
    Expr before = cast(reshape(slice(x, 1, 0, 1), {kRows}) * 0, DType::i32), total;
    for (int64_t t = 0; t < kWindow; ++t) {
      const Expr now = reshape(slice(x, 1, t, 1), {kRows});
      const Expr each =
          categorical_nll(w.next(s, state, before), cast(now, DType::i32)) * step(now);
      total = t == 0 ? each : total + each;
      before = cast(now, DType::i32);
    }
    g.fetch("nll", total);
  }
  Slots slots(5);
  Plan plan(g, slots, {.threads = 1});
  plan.feed("x", values);
  for (size_t i = 0; i < plan.feed("z").size(); ++i)
    plan.feed("z")[i] = std::sin(static_cast<float>(i));
  plan.run();
  const auto v = plan.fetch("nll");
  return {v.begin(), v.end()};
}

TEST(TextVae, WhatIsForcedIsWhatIsWritten) {
  for (const auto& [cell, decoder] : kKinds) {
    const TextVae vae{small(cell, decoder)};
    const std::vector<float> forced = nll_of(vae, false, rows()),
                             written = nll_of(vae, true, rows());
    for (size_t i = 0; i < forced.size(); ++i)
      EXPECT_NEAR(forced[i], written[i], 1e-4 * forced[i]) << cell << " " << decoder;
  }
}

TEST(TextVae, CountsTheEndAndNoPadding) {
  // Before training every token has about the probability 1/128.
  const TextVae vae{small("gru", "cell")};
  const std::vector<float> nll = nll_of(vae, false, rows());
  for (size_t i = 0; i < kSentences.size(); ++i) {
    const double tokens = std::min<double>(kWindow, static_cast<double>(kSentences[i].size()) + 1);
    EXPECT_NEAR(static_cast<double>(nll[i]) / tokens, std::log(128.0), 0.3) << kSentences[i];
  }
}

TEST(TextVae, SameBitsForAnyNumberOfThreads) {
  for (const auto& [cell, decoder] : kKinds) {
    TextVae vae{small(cell, decoder)};
    vae.c.word_dropout = 0.2;
    vae.c.units = 160;  // products large enough to be cut
    std::map<std::string, std::vector<float>> first;
    for (const int threads : {1, 2, 4, 8}) {
      Slots slots(3);
      trained(slots, vae, 1, threads);
      for (const auto& [name, t] : slots.tensors()) {
        if (t.dtype() != DType::f32) continue;
        const auto v = t.span<float>();
        const std::vector<float> now(v.begin(), v.end());
        if (threads == 1)
          first[name] = now;
        else
          EXPECT_EQ(now, first.at(name)) << name << " " << threads << " " << cell << decoder;
      }
    }
  }
}

TEST(TextVae, WordDropoutIsOfTrainingAlone) {
  TextVae vae{small("gru", "cell")};
  vae.c.word_dropout = 1;
  const std::vector<float> all = nll_of(vae, false, rows());
  vae.c.word_dropout = 0;
  EXPECT_EQ(nll_of(vae, false, rows()), all);
  const auto loss_at = [&](double share) {
    vae.c.word_dropout = share;
    Slots slots(5);
    return trained(slots, vae, 1, 1);
  };
  EXPECT_NE(loss_at(0.5), loss_at(0));
}

TEST(TextVae, DrawsFollowTheWriter) {
  // A writer of two numbers, 3 with probability e / (1 + e), else 4.
  const Writer w{.vocabulary = 5,
                 .length = 200,
                 .start = [](const Scope&, Expr z) { return std::vector<Expr>{z}; },
                 .next =
                     [](const Scope&, std::vector<Expr>& state, Expr) {
                       const Expr zero = state[0] * 0;
                       return concat({zero - 100, zero - 100, zero - 100, zero + 1, zero}, 1);
                     }};
  Graph g;
  const Scope s(g, false);
  const Expr z = g.feed("z", {20, 1});
  g.fetch("drawn", write(s / "a", w, z, 1));
  g.fetch("colder", write(s / "b", w, z, 0.25));
  g.fetch("likeliest", write(s, w, z));
  Slots slots(1);
  Plan plan(g, slots, {.threads = 1});
  plan.run();
  const auto share = [&](const char* name) {
    const auto v = plan.fetch(name);
    return static_cast<double>(std::ranges::count(v, 3.0f)) / static_cast<double>(v.size());
  };
  const auto sigmoid_of = [](double x) { return 1 / (1 + std::exp(-x)); };
  EXPECT_NEAR(share("drawn"), sigmoid_of(1), 0.03);  // 4 standard errors of 4000 draws
  EXPECT_NEAR(share("colder"), sigmoid_of(4), 0.01);
  EXPECT_EQ(share("likeliest"), 1);
}

TEST(TextVae, NeedsAVocabulary) {
  EXPECT_THROW(architecture(TextVae{}, 16), UsageError);
  const Architecture a = architecture(TextVae{{.vocabulary = 60}}, 16);
  EXPECT_TRUE(a.writer);
  EXPECT_EQ(a.likelihood->name, "tokens");
}

TEST(TextVae, TableOfLayersCountsEveryParameter) {
  for (const auto& [cell, decoder] : kKinds) {
    const TextVae vae{small(cell, decoder)};
    int64_t parameters = 0, slots = 0;
    for (const LayerInfo& l : vae.layers()) parameters += l.parameters;
    Graph g;
    vae.loss(Scope(g, true), {.x = g.feed("x", {2, kWindow})});
    for (const Expr& e : g.slots("")) slots += e.shape().elements();
    EXPECT_EQ(parameters, slots) << cell << " " << decoder;
  }
}

}  // namespace
}  // namespace latent
