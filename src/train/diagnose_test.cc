// The diagnosis of trained models: the reference net's collapse is right, a loss of one's own is
// weighed, a good model gives no word.
#include <gtest/gtest.h>

#include <algorithm>

#include "latent/diagnosis.h"
#include "latent/latent.h"

namespace latent {
namespace {

std::string text_of(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& f : findings) text += f.code + ": " + f.sentence + "\n";
  return text;
}

// i.i.d. uniforms, 1000 x 100: squared errors assume noise of variance 1/2, and no direction of the
// data varies by more than 0.14. KL = 0 and a loss of 100/12 are the optimum.
TEST(Diagnoses, TheReferenceNetOnNoiseCollapsesRightly) {
  Tensor noise({1000, 100});
  uniform_init(0, 1).fill(noise, 3, 4);
  const Data data = Data::rows(noise.span<float>(), Shape{100}, "noise");
  TrainOptions options{.epochs = 100, .batch = 32, .validation = 0, .threads = 1};
  Parts last;
  options.progress = [&](const TrainEvent& e) {
    if (e.kind == TrainEvent::Kind::epoch) last = e.training;
  };
  const Vae vae{{.hidden = {32}, .latent = 16, .likelihood = "squared_error"}};
  const Model model = train(vae, data, options);
  ASSERT_EQ(last.at(0).first, "loss");
  EXPECT_NEAR(last[0].second, 100. / 12, 0.15);
  const std::vector<Finding> findings = diagnose(model, data, options);
  ASSERT_EQ(findings.size(), 1u) << text_of(findings);
  EXPECT_EQ(findings[0].code, "collapse-is-right");
  EXPECT_EQ(findings[0].kind, Finding::Kind::remark);
}

// A net whose loss averages the reconstruction over 64 pixels beside a summed KL.
struct MeanLoss {
  Vae vae{{.inputs = 64, .hidden = {64}, .latent = 6}};
  Gaussian encode(const Scope& s, Expr x) const { return vae.encode(s, x); }
  Expr decode(const Scope& s, Expr z) const { return vae.decode(s, z); }
  Likelihood likelihood() const { return vae.likelihood(); }
  Loss loss(const Scope& s, const Batch& b) const {
    Loss l = vae.loss(s, b);
    Expr& reconstruction = l.parts.at(0).second;
    reconstruction = reconstruction / 64;
    l.total = reconstruction + l.parts.at(1).second;
    return l;
  }
};

TEST(Diagnoses, ALossOfOnesOwnIsWeighed) {
  const Data data = Data::open("digits");
  const TrainOptions options{.epochs = 10, .rate = 3e-3, .threads = 1};
  const Model model = train(MeanLoss(), data, options);
  const std::vector<Finding> findings = diagnose(model, data, options);
  const auto found = std::ranges::find(findings, "kl-scale", &Finding::code);
  ASSERT_NE(found, findings.end()) << text_of(findings);
  EXPECT_NE(found->sentence.find("averaged over 64 values"), std::string::npos) << found->sentence;
}

TEST(Diagnoses, GoodModelsGiveNoWord) {
  const Data data = Data::open("digits");
  const TrainOptions options{.epochs = 15, .rate = 3e-3, .threads = 1};
  const Model vae = train(Vae{{.hidden = {100}, .latent = 8}}, data, options);
  EXPECT_TRUE(diagnose(vae, data, options).empty()) << text_of(diagnose(vae, data, options));
  const Model net = train(Autoencoder{{.hidden = {64}, .latent = 8}}, data, options);
  EXPECT_TRUE(diagnose(net, data, options).empty()) << text_of(diagnose(net, data, options));
}

}  // namespace
}  // namespace latent
