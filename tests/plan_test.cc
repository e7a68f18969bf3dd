// What a plan promises: slots, commits, families, carried feeds, the same bits on any number of
// threads and with fusion off, memory close to the least possible.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/named.h"
#include "latent/latent.h"

namespace latent {
namespace {

/// A dense VAE step on [n, 784] with Adam; large enough that products are cut into parts.
void trace_vae(Graph& g, int64_t n) {
  const Scope s(g, true);
  const Vae vae{{.inputs = 784, .hidden = {400}, .latent = 20}};
  const Loss loss = vae.loss(s, {.x = g.feed("x", {n, 784})});
  minimize(g, loss.total, Adam{});
  g.fetch("loss", loss.total);
}

void fill(std::span<float> x, int step) {
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>((i * 7919 + static_cast<size_t>(step) * 104729) % 251) / 250.f;
}

/// All slots after `steps` steps, one after another.
std::vector<std::byte> slots_after(int steps, CompileOptions options, size_t* parts = nullptr) {
  Slots slots(3);
  PlanFamily family(slots, trace_vae, options);
  for (int i = 0; i < steps; ++i) {
    Plan& plan = family.at(i % 5 == 4 ? 40 : 128);
    fill(plan.feed("x"), i);
    plan.run();
    if (parts) *parts = std::max(*parts, plan.stats().parts);
  }
  std::vector<std::byte> bytes;
  for (const auto& [name, t] : slots.tensors())
    bytes.insert(bytes.end(), t.as_bytes().begin(), t.as_bytes().end());
  return bytes;
}

TEST(Plan, SameBitsOnAnyNumberOfThreads) {
  for (bool bf16 : {false, true}) {
    size_t parts = 0;
    const std::vector<std::byte> one = slots_after(200, {.threads = 1, .bf16 = bf16}, &parts);
    EXPECT_GT(parts, 1u);
    for (int threads : {2, 3, 4, 8})
      EXPECT_EQ(slots_after(200, {.threads = threads, .bf16 = bf16}), one) << threads;
  }
}

TEST(Plan, DenormalsAreZeroInEveryThreadWhileItRunsAndNotAfterwards) {
  constexpr int64_t kRows = 64, kColumns = 4096;  // enough for parts on several threads
  for (const int threads : {1, 4}) {
    Slots slots(3);
    Graph g;
    const Expr x = g.feed("x", {kRows, kColumns});
    g.fetch("half", x * 0.5f);
    Plan plan(g, slots, {.threads = threads});
    std::ranges::fill(plan.feed("x"), 1.2e-38f);
    plan.run();
    for (const float v : plan.fetch("half")) ASSERT_EQ(v, 0.0f);
    const volatile float small = 1.2e-38f;
    EXPECT_GT(small * 0.5f, 0.0f);
  }
}

TEST(Plan, Bfloat16SaysWhatItIsHere) {
  Slots slots(3);
  Graph g;
  trace_vae(g, 32);
  const std::string text = Plan(g, slots, {.threads = 1, .bf16 = true}).explain();
  EXPECT_NE(text.find(bf16_note()), std::string::npos);  // an empty note is found anywhere
  EXPECT_EQ(Plan(g, slots, {.threads = 1}).explain().find("bfloat16"), std::string::npos);
}

/// A chain without a prebuilt kernel costs the floors of the benchmarks.
TEST(Plan, TheReferenceStepsHoldNamedChainsOnly) {
  const auto unnamed = [](const PlanFamily::Trace& trace, int64_t n) {
    Slots slots(3);
    Graph g;
    trace(g, n);
    const std::string text = Plan(g, slots, {.threads = 1}).explain();
    const size_t at = text.find(" chain ");
    return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
  };
  if (kernels::named_kernels().empty()) GTEST_SKIP() << "named kernels need AVX2";
  const auto train = [](Graph& g, const Loss& loss) {
    minimize(g, loss.total);
    g.fetch("loss", loss.total);
  };
  EXPECT_EQ(unnamed(trace_vae, 128), "");
  const auto seed_vae = [&](Graph& g, int64_t n) {
    const Vae vae{{.inputs = 100, .hidden = {32}, .latent = 20, .likelihood = "squared_error"}};
    train(g, vae.loss(Scope(g, true), {.x = g.feed("x", {n, 100})}));
  };
  EXPECT_EQ(unnamed(seed_vae, 32), "");
  const auto seed_autoencoder = [&](Graph& g, int64_t n) {
    const Autoencoder net{{.inputs = 100, .hidden = {32}, .latent = 100}};
    train(g, net.loss(Scope(g, true), {.x = g.feed("x", {n, 100})}));
  };
  EXPECT_EQ(unnamed(seed_autoencoder, 32), "");
}

TEST(Plan, FusionMemoryAndNamedKernelsDoNotChangeBits) {
  const std::vector<std::byte> whole = slots_after(4, {.threads = 2});
  for (const char* pass : {"fuse", "named", "in_place", "recompute", "pieces"})
    EXPECT_EQ(slots_after(4, {.threads = 2, .off = {pass}}), whole) << pass;
}

// The first rows of a result are cut at other rows than the result is: who reads only these cannot
// follow it piece by piece.
TEST(Plan, AWindowOfTheFirstRowsWaitsForAllOfThem) {
  constexpr int64_t kRows = 512, kColumns = 1024;
  for (const int threads : {1, 2, 4}) {
    Graph g;
    const Expr x = g.feed("x", {kRows, kColumns}), y = g.feed("y", {kRows / 2, kColumns});
    const Expr h = square(x);
    g.fetch("h", h);
    g.fetch("first", slice(h, 0, 0, kRows / 2) - y);
    Slots slots;
    Plan plan(g, slots, {.threads = threads});
    fill(plan.feed("x"), 1);
    for (float& v : plan.feed("y")) v = 0;
    plan.run();
    const auto all = plan.fetch("h"), first = plan.fetch("first");
    EXPECT_TRUE(std::equal(first.begin(), first.end(), all.begin())) << threads;
  }
}

TEST(Plan, OtherPassesKeepTheLoss) {
  const auto loss = [](CompileOptions options) {
    Slots slots(3);
    Graph g;
    trace_vae(g, 32);
    Plan plan(g, slots, options);
    for (int i = 0; i < 3; ++i) {
      fill(plan.feed("x"), i);
      plan.run();
    }
    return plan.scalar("loss");
  };
  const double all = loss({.threads = 1});
  for (const char* pass : {"simplify", "cse"})
    EXPECT_NEAR(loss({.threads = 1, .off = {pass}, .verify = true}), all, 1e-4 * all) << pass;
}

TEST(Plan, TrainingStepsUseThePrebuiltAdam) {
  Graph g;
  trace_vae(g, 32);
  Slots slots;
  EXPECT_NE(Plan(g, slots, {.threads = 1}).explain().find("adam"), std::string::npos);
}

TEST(Plan, ArenaIsNearTheLargestSumAlive) {
  for (int64_t n : {8, 32, 128}) {
    Graph g;
    trace_vae(g, n);
    Slots slots;
    const PlanStats s = Plan(g, slots, {.threads = 1}).stats();
    EXPECT_LE(static_cast<double>(s.arena_bytes), 1.10 * static_cast<double>(s.live_bytes));
    EXPECT_GT(s.live_bytes, 0u);
  }
}

TEST(Plan, ChainsMoveLittleMoreThanTheirDistinctOperands) {
  const auto ratio = [](int64_t inputs, int64_t hidden, int64_t n, const char* likelihood,
                        std::set<std::string> off) {
    Graph g;
    const Scope s(g, true);
    const Vae vae{{.inputs = inputs, .hidden = {hidden}, .latent = 20, .likelihood = likelihood}};
    minimize(g, vae.loss(s, {.x = g.feed("x", {n, inputs})}).total, Adam{});
    Slots slots;
    const PlanStats stats = Plan(g, slots, {.threads = 1, .off = std::move(off)}).stats();
    return stats.chain_bytes / stats.chain_distinct_bytes;
  };
  EXPECT_LE(ratio(100, 32, 32, "squared_error", {}), 1.2);      // seed-vae
  EXPECT_LE(ratio(784, 400, 128, "bernoulli", {}), 1.2);        // mlp-vae
  EXPECT_GT(ratio(784, 400, 128, "bernoulli", {"fuse"}), 1.2);  // what the bound would catch
}

TEST(Plan, ReadsSeeTheValueAtTheStart) {
  Graph g;
  const Expr a = g.slot("a", {3}, constant_init(1)), b = g.slot("b", {3}, constant_init(2)),
             c = g.slot("c", {3}, constant_init(5));
  g.assign(a, b);
  g.assign(b, a);
  g.assign(c, c * 2 + 1);
  g.fetch("old", c);
  g.fetch("new", g.updated(c));
  g.fetch("late", sum(c * 10));
  Slots slots;
  Plan plan(g, slots, {.threads = 1});
  plan.run();
  EXPECT_EQ(plan.fetch("old")[1], 5);
  EXPECT_EQ(plan.fetch("new")[1], 11);
  EXPECT_EQ(plan.scalar("late"), 150);
  EXPECT_EQ(slots.at("a").span<float>()[0], 2);
  EXPECT_EQ(slots.at("b").span<float>()[0], 1);
  EXPECT_EQ(slots.at("c").span<float>()[2], 11);
  plan.run();
  EXPECT_EQ(slots.at("a").span<float>()[0], 1);
  EXPECT_EQ(slots.at("c").span<float>()[0], 23);
}

TEST(Plan, TwoObjectivesOverSharedSlots) {
  // Encoder e and head h by SGD on the first loss would clash; each objective moves its own prefix,
  // on one shared forward.
  Graph g;
  const Scope s(g, true);
  const Expr x = g.feed("x", {1, 1});
  const Expr e = (s / "e").param("w", {1, 1}, constant_init(2)),
             h = (s / "h").param("w", {1, 1}, constant_init(3));
  const Expr z = matmul(x, e), y = matmul(z, h);
  minimize(
      g, {{.loss = sum(square(y)), .prefix = "e", .optimizer = Sgd{.rate = 0.01}, .name = "first"},
          {.loss = sum(y),
           .prefix = "h",
           .optimizer = Sgd{.rate = 0.1, .momentum = 0.5},
           .name = "second"}});
  Slots slots;
  Plan plan(g, slots, {.threads = 1});
  double we = 2, wh = 3, u = 0;
  for (int i = 0; i < 4; ++i) {
    plan.feed("x")[0] = 0.5f;
    plan.run();
    const double ge = 2 * (0.5 * we * wh) * 0.5 * wh, gh = 0.5 * we;
    u = 0.5 * u + gh;
    we -= 0.01 * ge;
    wh -= 0.1 * u;
    EXPECT_NEAR(slots.at("e/w").span<float>()[0], we, 1e-5);
    EXPECT_NEAR(slots.at("h/w").span<float>()[0], wh, 1e-5);
  }
  EXPECT_EQ(slots.counter("first"), 4);
}

TEST(Plan, MovingAverageWithScatterAdd) {
  Graph g;
  const Expr counts = g.slot("counts", {3}, constant_init(1));
  const Expr k = g.feed("k", {4}, DType::i32);
  const Expr ones = g.feed("ones", {4});
  g.assign(counts, 0.9 * counts + 0.1 * scatter_add(k, ones, 3));
  Slots slots;
  Plan plan(g, slots, {.threads = 1});
  const int32_t index[] = {0, 2, 2, 2};
  std::copy(std::begin(index), std::end(index), plan.feed<int32_t>("k").begin());
  for (float& one : plan.feed("ones")) one = 1;
  plan.run();
  const auto c = slots.at("counts").span<float>();
  EXPECT_FLOAT_EQ(c[0], 1.0f);
  EXPECT_FLOAT_EQ(c[1], 0.9f);
  EXPECT_FLOAT_EQ(c[2], 1.2f);
}

TEST(Plan, CarriedFeed) {
  Graph g;
  const Expr h = g.feed("h", {2});
  g.fetch("next", h * 2 + 1);
  g.fetch("now", h);
  Slots slots;
  Plan plan(g, slots, {.threads = 1});
  plan.carry("next", "h");
  for (int i = 0; i < 3; ++i) plan.run();
  EXPECT_EQ(plan.fetch("next")[0], 7);
  EXPECT_EQ(plan.fetch("now")[0], 3);
  EXPECT_EQ(plan.feed("h")[1], 7);
  EXPECT_EQ(plan.fetch("next").data(), plan.feed("h").data());  // exchanged, not copied
  plan.feed("h")[1] = 10;
  plan.run();
  EXPECT_EQ(plan.fetch("next")[0], 15);
  EXPECT_EQ(plan.fetch("next")[1], 21);
}

/// The code of pictures by a small stack: Winograd's and oneDNN's convolutions, batch norm, two
/// heads.
void trace_encoder(Graph& g, int64_t n) {
  const Scope s(g, false);
  const Vae vae{
      {.latent = 8,
       .encoder = "conv 16 3; bn; relu; conv 32 5; relu; conv 32 3; relu; conv 32 3 s2; relu",
       .picture = {16, 16}}};
  const Code code = vae.encode(s, g.feed("x", {n, 256}));
  g.fetch("mean", code.mean);
  g.fetch("logvar", code.logvar);
}

TEST(Plan, FixedSlotsMoveWorkOutAndChangeNoBits) {
  Slots slots(5);
  PlanFamily moving(slots, trace_encoder, {.threads = 2}),
      fixed(slots, trace_encoder, {.threads = 2, .fixed_slots = true});
  // From one size to another and back: each makes again what the other has overwritten.
  const int64_t sizes[] = {1, 8, 8, 1, 1, 8};
  for (int i = 0; i < 6; ++i) {
    Plan &a = moving.at(sizes[i]), &b = fixed.at(sizes[i]);
    for (Plan* p : {&a, &b}) {
      fill(p->feed("x"), i);
      p->run();
    }
    for (const char* name : {"mean", "logvar"}) {
      EXPECT_TRUE(std::ranges::equal(a.fetch(name), b.fetch(name))) << name << " in run " << i;
    }
    EXPECT_LT(b.stats().calls + 2, a.stats().calls);
  }
  const std::string text = fixed.at(8).explain();
  const size_t once = text.find("before the first run:"), then = text.find("stages:");
  ASSERT_LT(once, then);
  EXPECT_LT(text.find("winograd weights"), then) << text;
  EXPECT_EQ(moving.at(8).explain().find("before the first run:"), std::string::npos);
}

TEST(Plan, RowsOfOnePictureGoOnThroughWhatFollows) {
  Slots slots(5);
  Graph g;
  trace_encoder(g, 1);
  Plan pieces(g, slots, {.threads = 2}), none(g, slots, {.threads = 2, .off = {"pieces"}});
  for (Plan* p : {&pieces, &none}) {
    fill(p->feed("x"), 1);
    p->run();
  }
  EXPECT_TRUE(std::ranges::equal(pieces.fetch("mean"), none.fetch("mean")));
  EXPECT_LT(pieces.stats().stages, none.stats().stages) << pieces.explain();
}

TEST(Plan, FixedSlotsLeaveWhatIsFetchedAssignedOrDrawn) {
  Graph g;
  const Expr a = g.slot("a", {3}, constant_init(2)), b = g.slot("b", {3}, constant_init(5)),
             noise = normal(Scope(g, true), {3});
  g.fetch("of_a", square(a));   // fetched
  g.fetch("old_b", b + 0 * a);  // reads a slot that changes
  g.assign(b, square(a) + 1);   // assigned
  g.fetch("noise", noise * square(a));
  Slots slots;
  Plan plan(g, slots, {.threads = 1, .fixed_slots = true});
  plan.run();
  EXPECT_EQ(plan.fetch("of_a")[0], 4);
  EXPECT_EQ(plan.fetch("old_b")[0], 5);
  EXPECT_EQ(slots.at("b").span<float>()[0], 5);
  slots.at("b").span<float>()[0] = 7;
  const float before = plan.fetch("noise")[0];
  plan.run();
  EXPECT_EQ(plan.fetch("old_b")[0], 7);
  EXPECT_EQ(slots.at("b").span<float>()[0], 5);
  EXPECT_NE(plan.fetch("noise")[0], before);
}

TEST(Plan, CarriedFeedsOfFeedsAndSlots) {
  // a and b change places (fetches that are feeds themselves), c follows a slot, d and e one value.
  Graph g;
  const Expr a = g.feed("a", {3}), b = g.feed("b", {3});
  g.feed("c", {3});
  g.feed("d", {3});
  g.feed("e", {3});
  const Expr count = g.slot("count", {3}, constant_init(1));
  g.assign(count, count + 1);
  g.fetch("a_now", a);
  g.fetch("b_now", b);
  g.fetch("count_now", count);
  g.fetch("sum", a + b * 10);
  Slots slots;
  Plan plan(g, slots, {.threads = 1});
  plan.feed("a")[0] = 1;
  plan.feed("b")[0] = 2;
  plan.run();  // before there is any carry
  plan.carry("a_now", "b");
  plan.carry("b_now", "a");
  plan.carry("count_now", "c");
  plan.carry("sum", "d");
  plan.carry("sum", "e");
  EXPECT_THROW(plan.carry("count_now", "c"), UsageError);
  EXPECT_EQ(plan.fetch("sum")[0], 21);
  for (int i = 0; i < 3; ++i) {
    const float first = i % 2 ? 2 : 1, second = 3 - first;
    plan.run();
    EXPECT_EQ(plan.fetch("a_now")[0], first) << i;
    EXPECT_EQ(plan.fetch("b_now")[0], second) << i;
    EXPECT_EQ(plan.feed("a")[0], second) << i;
    EXPECT_EQ(plan.feed("b")[0], first) << i;
    EXPECT_EQ(plan.fetch("sum")[0], first + 10 * second) << i;
    for (const char* feed : {"d", "e"}) EXPECT_EQ(plan.feed(feed)[0], first + 10 * second) << i;
    EXPECT_EQ(plan.feed("c")[2], static_cast<float>(2 + i)) << i;
  }
}

TEST(Plan, ForecastRefusesWhatDoesNotFit) {
  Graph g;
  trace_vae(g, 128);
  Slots slots;
  EXPECT_THROW(Plan(g, slots, {.threads = 1, .memory_limit = 1 << 20}), UsageError);
}

TEST(Plan, NoiseDependsOnRowStepAndSeedOnly) {
  const auto draw = [](uint64_t seed, int64_t step, int64_t rows) {
    Graph g;
    g.fetch("e", normal(Scope(g, true) / "z", {rows, 7}));
    Slots slots(seed);
    slots.counter("step") = step;
    Plan plan(g, slots, {.threads = 1});
    plan.run();
    return std::vector<float>(plan.fetch("e").begin(), plan.fetch("e").begin() + 21);
  };
  EXPECT_EQ(draw(1, 0, 3), draw(1, 0, 9));
  EXPECT_NE(draw(1, 0, 3), draw(1, 1, 3));
  EXPECT_NE(draw(1, 0, 3), draw(2, 0, 3));
}

}  // namespace
}  // namespace latent
