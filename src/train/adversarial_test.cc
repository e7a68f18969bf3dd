// Models whose scopes follow losses of their own, and the two of the catalogue that have a
// discriminator.
#include "models/adversarial.h"

#include <array>
#include <cmath>

#include "latent/diagnosis.h"
#include "latent/nn.h"
#include "latent/ops.h"
#include "train/test_runs.h"

namespace latent {
namespace {

class Adversarial : public RunFolderTest {};

/// Two parameters that pull in opposite directions of one expression, and a total that neither
/// follows.
struct TwoMinds {
  Loss loss(const Scope& s, const Batch& b) const {
    const Expr up = (s / "up").param("value", {}, zeros()),
               down = (s / "down").param("value", {}, zeros());
    const Expr sum = up + down;
    return {mean(square(b.x)) + 0 * sum,
            {},
            {{square(up + 0 * sum - 1), "up"}, {square(down + 0 * sum + 2), "down"}}};
  }
};

TEST_F(Adversarial, EachScopeFollowsItsOwnLoss) {
  const Data data = factors();
  const Model m =
      train(TwoMinds{}, data, {.epochs = 200, .batch = 70, .rate = 0.05, .validation = 0});
  EXPECT_NEAR(m.weights().at("up/value").span<float>()[0], 1, 0.02);
  EXPECT_NEAR(m.weights().at("down/value").span<float>()[0], -2, 0.02);
}

// Logits of 0 are a guess: 2 ln 2, ln 2; 0 counts as false, so that half is told right. With
// real +2 and false -1 everything is.
TEST_F(Adversarial, TheContestInClosedForm) {
  const auto at = [](float real, float fake) {
    Graph g;
    const models::Contest c = models::contest(g.feed("real", {4}), g.feed("fake", {4}));
    g.fetch("d", c.discriminator), g.fetch("g", c.generator), g.fetch("a", c.accuracy);
    Slots slots;
    Plan plan(g, slots, {.threads = 1});
    for (float& v : plan.feed("real")) v = real;
    for (float& v : plan.feed("fake")) v = fake;
    plan.run();
    return std::array{plan.scalar("d"), plan.scalar("g"), plan.scalar("a")};
  };
  const auto guess = at(0, 0), sure = at(2, -1);
  EXPECT_NEAR(guess[0], 2 * std::log(2), 1e-6);
  EXPECT_NEAR(guess[1], std::log(2), 1e-6);
  EXPECT_EQ(guess[2], 0.5);
  EXPECT_NEAR(sure[0], std::log1p(std::exp(-2.0)) + std::log1p(std::exp(-1.0)), 1e-6);
  EXPECT_NEAR(sure[1], std::log1p(std::exp(1.0)), 1e-6);
  EXPECT_EQ(sure[2], 1);
}

/// Means over the last third of the epochs of a part in training.
template <class M>
double last_third(const M& model, const TrainOptions& options, const std::string& part) {
  TrainOptions o = options;
  double sum = 0;
  int64_t count = 0;
  o.progress = [&](const TrainEvent& e) {
    if (e.kind != Kind::epoch || 3 * e.epoch <= 2 * o.epochs) return;
    for (const auto& [name, value] : e.training) {
      if (name == part) sum += value, ++count;
    }
  };
  train(model, Data::open("digits"), o);
  return sum / static_cast<double>(count);
}

TEST_F(Adversarial, NeitherSideWins) {
  const TrainOptions o{.epochs = 12, .batch = 32, .threads = 1};
  const VaeGan gan{{.hidden = {64}, .latent = 8, .discriminator = {64}}};
  const AdversarialAutoencoder aae{
      {.hidden = {64}, .latent = 4, .loss = "cross-entropy", .discriminator = {64}}};
  for (const double accuracy : {last_third(gan, o, "discriminator_accuracy"),
                                last_third(aae, o, "discriminator_accuracy")}) {
    EXPECT_GT(accuracy, 0.55);
    EXPECT_LT(accuracy, 0.95);
  }
}

// The prior's moments are met by codes that nothing but a discriminator holds to it; without one
// they go where reconstruction sends them.
TEST_F(Adversarial, CodesComeToThePrior) {
  const Data digits = Data::open("digits");
  const auto deviation = [&](double gamma) {
    const AdversarialAutoencoder aae{
        {.hidden = {64}, .latent = 2, .loss = "cross-entropy", .gamma = gamma}};
    const Model m = train(aae, digits, {.epochs = 20, .batch = 32, .threads = 1});
    const std::vector<float> z = m.encode(digits.values());
    double squares = 0;
    for (const float v : z) squares += static_cast<double>(v) * v;
    return std::sqrt(squares / static_cast<double>(z.size()));
  };
  EXPECT_NEAR(deviation(10), 1, 0.3);
  EXPECT_GT(deviation(0), 2);
}

TEST_F(Adversarial, AModelFileSamplesAndAnyNumberOfThreadsGivesIt) {
  const VaeGan gan{{.hidden = {200}, .latent = 8}};
  std::string first;
  for (const int threads : {1, 2, 4}) {
    TrainOptions o{.epochs = 1, .batch = 128, .out = in("gan"), .threads = threads};
    fs::remove_all(o.out);
    const Model m = train(gan, Data::open("digits"), o);
    if (first.empty()) first = bytes("gan");
    EXPECT_EQ(bytes("gan"), first) << threads;
    EXPECT_EQ(load(o.out).sample(5), m.sample(5));
    EXPECT_EQ(m.sample(5).size(), 5u * 64);
  }
  const Model aae = train(AdversarialAutoencoder{}, Data::open("digits"), {.epochs = 1});
  EXPECT_EQ(aae.sample(3).size(), 3u * 64) << "codes have a prior though no posterior";
  EXPECT_THROW(aae.encode_logvar(std::vector<float>(64)), UsageError);
}

// The total of models with opponents is not what they follow: it chooses no epoch and ends no run.
TEST_F(Adversarial, TheLastWeightsAreKept) {
  const Data digits = Data::open("digits");
  const TrainOptions o{.epochs = 4, .batch = 64, .rate = 0.05, .patience = 1, .threads = 1};
  const auto kept = [&](const auto& model, const std::string& name) {
    TrainOptions mine = o;
    mine.out = in(name);
    int64_t epochs = 0;
    mine.progress = [&](const TrainEvent& e) { epochs = std::max(epochs, e.epoch); };
    const Model m = train(model, digits, mine);
    EXPECT_EQ(epochs, 4) << name;
    EXPECT_FALSE(fs::exists(mine.out + "/best.safetensors")) << name;
    EXPECT_EQ(load(mine.out).sample(3), m.sample(3)) << name;
  };
  kept(VaeGan{{.hidden = {16}, .latent = 2, .discriminator = {16}}}, "gan");
  kept(AdversarialAutoencoder{{.hidden = {16}, .latent = 2, .discriminator = {16}}}, "aae");
}

TEST_F(Adversarial, AFrozenScopeStaysAndTheOthersMove) {
  const VaeGan gan{{.hidden = {16}, .latent = 2, .discriminator = {16}}};
  const Model before = train(gan, Data::open("digits"), {.epochs = 1, .out = in("before")});
  const TrainOptions o{.epochs = 1, .seed = 2, .freeze = {"encoder"}, .init = in("before")};
  const Model after = train(gan, Data::open("digits"), o);
  const auto same = [&](const std::string& name) {
    return std::ranges::equal(before.weights().at(name).span<float>(),
                              after.weights().at(name).span<float>());
  };
  EXPECT_TRUE(same("encoder/mean/weight"));
  EXPECT_FALSE(same("decoder/out/weight"));
  EXPECT_FALSE(same("discriminator/out/weight"));
}

TEST_F(Adversarial, ADiscriminatorThatWinsIsNamed) {
  // Nothing holds the codes to the prior, so that they are told from its draws.
  const AdversarialAutoencoder aae{
      {.hidden = {64}, .latent = 2, .loss = "cross-entropy", .gamma = 0}};
  const TrainOptions o{.epochs = 20, .batch = 32, .threads = 1};
  const Data digits = Data::open("digits");
  bool named = false;
  for (const Finding& f : diagnose(train(aae, digits, o), digits, o))
    named = named || f.code == "discriminator-wins";
  EXPECT_TRUE(named);
}

}  // namespace
}  // namespace latent
