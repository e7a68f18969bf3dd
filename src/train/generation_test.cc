// VQ-VAE, DCGAN and the conditional VAE trained on the digits: what comes out, by whatever number
// of threads, and what is said of requests that cannot be.
#include <algorithm>
#include <cmath>

#include "data/dataset.h"
#include "latent/diagnosis.h"
#include "latent/nn.h"
#include "latent/ops.h"
#include "latent/text_models.h"
#include "train/loss_parts.h"
#include "train/preprocess.h"
#include "train/test_runs.h"

namespace latent {
namespace {

class Generation : public RunFolderTest {};

std::string refusal(const std::function<void()>& f) {
  try {
    f();
  } catch (const UsageError& e) {
    return e.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

double part_of(const TrainEvent& e, const std::string& name) {
  for (const auto& [part, value] : e.validation) {
    if (part == name) return value;
  }
  return NAN;
}

const VqVae kVq{{.latent = 4,
                 .codes = 32,
                 .prior_units = 16,
                 .prior_depth = 2,
                 .encoder = "conv 16 3 s2; relu",
                 .picture = {8, 8}}};

TEST_F(Generation, AVqVaeLearnsCodesAndTheirPrior) {
  const Data digits = Data::open("digits");
  TrainOptions o{.epochs = 12, .batch = 32, .rate = 3e-3, .out = in("vq"), .threads = 1};
  std::vector<TrainEvent> epochs;
  o.progress = [&](const TrainEvent& e) {
    if (e.kind == Kind::epoch) epochs.push_back(e);
  };
  const Model m = train(kVq, digits, o);
  EXPECT_EQ(m.latent(), 16 * 4);
  const TrainEvent &first = epochs.front(), &last = epochs.back();
  EXPECT_LT(part_of(last, "reconstruction"), 0.8 * part_of(first, "reconstruction"));
  // Less than 16 places of a code each, had all the same chance.
  EXPECT_LT(part_of(last, "kl"), 0.9 * 16 * std::log(32));
  EXPECT_GT(part_of(last, "perplexity"), 8);
  EXPECT_LE(part_of(last, "perplexity"), 32);
  EXPECT_TRUE(diagnose(m, digits, o).empty()) << diagnose(m, digits, o)[0].sentence;
  // Codes are the book's, so that decoding them is reconstructing.
  const std::vector<float> x = digits.values(0, 20);
  EXPECT_EQ(m.decode(m.encode(x)), m.reconstruct(x));
  // Sample i of a seed is the same for any n, also from the file.
  const std::vector<float> some = m.sample(3, 7), more = load(o.out).sample(70, 7);
  EXPECT_TRUE(std::equal(some.begin(), some.end(), more.begin()));
  EXPECT_NE(some, m.sample(3, 8));
  EXPECT_THROW(m.prior(3, 1, -1), UsageError);
}

TEST_F(Generation, AnyNumberOfThreadsGivesTheSameVqVae) {
  std::string first;
  for (const int threads : {1, 2, 4}) {
    const TrainOptions o{.epochs = 1, .batch = 128, .out = in("vq"), .threads = threads};
    fs::remove_all(o.out);
    train(kVq, Data::open("digits"), o);
    if (first.empty()) first = bytes("vq");
    EXPECT_EQ(bytes("vq"), first) << threads;
  }
}

/// Four places, so that one code each says little.
VqVae residual(int64_t quantizers) {
  VqVae model = kVq;
  model.c.encoder = "conv 16 3 s2; relu; conv 32 3 s2; relu";
  model.c.quantizers = quantizers;
  return model;
}

double squared_error_of(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
  return sum / static_cast<double>(a.size());
}

TEST_F(Generation, MoreLevelsOfCodesReconstructBetterAndEachLeavesLess) {
  const Data digits = Data::open("digits");
  const std::vector<float> x = digits.values(0, 200);
  std::vector<double> errors;
  for (const int64_t quantizers : {1, 2, 4}) {
    const VqVae v = residual(quantizers);
    // The last weights: the best of the bound need not be the best of the reconstruction.
    TrainOptions o{.epochs = 8, .batch = 32, .rate = 3e-3, .validation = 0, .threads = 1};
    double kl = 0;
    o.progress = [&](const TrainEvent& e) {
      for (const auto& [name, value] : e.training) {
        if (name == "kl") kl = value;
      }
    };
    const Model m = train(v, digits, o);
    errors.push_back(squared_error_of(m.reconstruct(x), x));
    EXPECT_LT(kl, 0.95 * static_cast<double>(quantizers) * 4 * std::log(32)) << quantizers;
    if (quantizers < 4) continue;
    // What the first levels of the codes leave of the encoder's vectors; and, decoded, of the rows.
    Graph g;
    g.fetch("e", v.vectors(Scope(g, false), g.feed("x", {200, 64})));
    Slots slots;
    for (const auto& [name, tensor] : m.weights().tensors()) slots.set(name, tensor.clone());
    Plan plan(g, slots, {.threads = 1});
    std::ranges::transform(x, plan.feed("x").begin(), [](float value) { return value / 16; });
    plan.run();
    std::vector<float> left(plan.fetch("e").begin(), plan.fetch("e").end());
    std::vector<float> code = m.encode(x), kept(code.size());
    ASSERT_EQ(code.size(), 4 * left.size());
    double distance = INFINITY, error = INFINITY;
    for (size_t level = 0; level < 4; ++level) {
      for (size_t i = 0; i < left.size(); ++i) {
        const size_t at = (i / 4 * 4 + level) * 4 + i % 4;  // places, levels, values
        left[i] -= code[at];
        kept[at] = code[at];
      }
      const double d = squared_error_of(left, std::vector<float>(left.size()));
      EXPECT_LT(d, 0.8 * distance) << "level " << level;
      distance = d;
      const double e = squared_error_of(m.decode(kept), x);
      EXPECT_LT(e, error) << "level " << level;
      error = e;
    }
    EXPECT_EQ(kept, code);
  }
  EXPECT_LT(errors[1], 0.85 * errors[0]);
  EXPECT_LT(errors[2], 0.85 * errors[1]);
}

TEST_F(Generation, LevelsOfCodesAreTheSameByThreadsStopsAndFromTheFile) {
  const Data digits = Data::open("digits");
  std::string first;
  TrainOptions o{.epochs = 2, .batch = 128, .out = in("rvq")};
  for (const int threads : {1, 2, 3, 4}) {
    o.threads = threads;
    fs::remove_all(o.out);
    const Model m = train(residual(3), digits, o);
    if (first.empty()) first = bytes("rvq");
    EXPECT_EQ(bytes("rvq"), first) << threads;
    if (threads > 1) continue;
    const Model loaded = load(o.out);
    const std::vector<float> x = digits.values(0, 20);
    EXPECT_EQ(loaded.latent(), 4 * 3 * 4);
    EXPECT_EQ(loaded.encode(x), m.encode(x));
    EXPECT_EQ(loaded.sample(5, 7), m.sample(5, 7));
    EXPECT_EQ(m.decode(m.encode(x)), m.reconstruct(x));
    const auto rows = measure::rows_of(digits.dataset(), m.preprocessing().scaling);
    const measure::CodebookUse use = codebook_use(m, digits, rows).value();
    EXPECT_EQ(use.levels, 3);
    EXPECT_LE(use.least_perplexity, use.perplexity);
    EXPECT_GT(use.least_perplexity, 1);
  }
  fs::remove_all(o.out);
  int steps = 0;
  o.stop = [&] { return ++steps == 8; };  // within the first epoch
  train(residual(3), digits, o);
  o.stop = nullptr;
  train(residual(3), digits, o);
  EXPECT_EQ(bytes("rvq"), first) << "stopped and resumed";
}

TEST_F(Generation, DeadCodesAreNamed) {
  VqVae wide = kVq;
  wide.c.codes = 2048;
  wide.c.revive = 0;
  const TrainOptions o{.epochs = 2, .batch = 32, .threads = 1};
  const Data digits = Data::open("digits");
  bool named = false;
  for (const Finding& f : diagnose(train(wide, digits, o), digits, o))
    named = named || f.code == "dead-codes" || f.code == "codebook-collapsed";
  EXPECT_TRUE(named);
}

TEST_F(Generation, ADcganHasSamplesAndNoCodes) {
  const Dcgan gan{{.hidden = {64}, .latent = 8, .discriminator = {64}, .discriminator_rate = 0.25}};
  const Data digits = Data::open("digits");
  TrainOptions o{.epochs = 12, .batch = 32, .out = in("gan"), .threads = 1};
  double accuracy = 0;
  int64_t counted = 0;
  o.progress = [&](const TrainEvent& e) {
    if (e.kind != Kind::epoch || 3 * e.epoch <= 2 * o.epochs) return;
    for (const auto& [name, value] : e.training) {
      if (name == "discriminator_accuracy") accuracy += value, ++counted;
    }
  };
  const Model m = train(gan, digits, o);
  accuracy /= static_cast<double>(counted);
  EXPECT_GT(accuracy, 0.55);
  EXPECT_LT(accuracy, 0.95);
  EXPECT_FALSE(fs::exists(o.out + "/best.safetensors")) << "its loss tells no better epoch";
  EXPECT_EQ(load(o.out).sample(5), m.sample(5));
  for (const float v : m.sample(5)) EXPECT_TRUE(v >= 0 && v <= 16) << v;
  EXPECT_TRUE(has(refusal([&] { m.encode(digits.values(0, 1)); }), "no encode"));
  for (const Finding& f : diagnose(m, digits, o)) EXPECT_TRUE(f.code.starts_with("discriminator"));
}

TEST_F(Generation, ADcganOfConvolutionsWithBatchNormTrainsAndTellsItsLayers) {
  const Dcgan gan{{.latent = 8, .encoder = "dcgan", .width = 4, .picture = {8, 8}}};
  const Architecture a = architecture(gan, 64);
  EXPECT_EQ(a.layers.back().scope, "discriminator/out");
  int64_t parameters = 0;
  for (const LayerInfo& l : a.layers) parameters += l.parameters;
  const Model m = train(a, Data::open("digits"), {.epochs = 2, .batch = 64, .threads = 1});
  int64_t weights = 0;
  for (const auto& [name, t] : m.weights().tensors())
    weights += name.find("running_") == name.npos ? t.elements() : 0;
  EXPECT_EQ(weights, parameters);
  for (const float v : m.sample(4)) EXPECT_TRUE(std::isfinite(v));
}

// A batch norm has statistics of real and of made rows apart in training, and of both mixed after
// it: the share told right is of the former, as each epoch's line tells it.
TEST_F(Generation, TheDiscriminatorIsJudgedAsInTraining) {
  const Dcgan gan{{.latent = 8, .encoder = "dcgan", .width = 8, .picture = {8, 8}}};
  const Data digits = Data::open("digits");
  TrainOptions o{.epochs = 6, .batch = 128, .threads = 1};
  double told = 0;
  o.progress = [&](const TrainEvent& e) {
    for (const auto& [name, value] : e.training) {
      if (name == "discriminator_accuracy") told = value;
    }
  };
  const Model m = train(gan, digits, o);
  const auto rows = measure::rows_of(digits.dataset(), m.preprocessing().scaling);
  EXPECT_NEAR(discriminator_accuracy(m, digits, rows).value(), told, 0.15);
}

TEST_F(Generation, ADamagedRowThatNothingSeesIsRefused) {
  const Data digits = Data::open("digits");
  const TrainOptions o{.epochs = 1, .corrupt = {"mask=0.3"}, .out = in("none"), .threads = 1};
  EXPECT_TRUE(has(refusal([&] { train(Dcgan{}, digits, o); }), "dcgan has no encoder"));
  const TextAutoencoder text{{.vocabulary = 17, .units = 4}};
  EXPECT_TRUE(has(refusal([&] { train(text, digits, o); }), "--word-dropout"));
  struct Deaf {
    Loss loss(const Scope& s, const Batch& b) const {
      return {mean(square(dense(s / "out", b.x, 64) - b.x)), {}};
    }
    Expr encode(const Scope&, Expr x) const { return x; }
  };
  EXPECT_TRUE(has(refusal([&] { train(Deaf{}, digits, o); }), "Batch::input()"));
  EXPECT_FALSE(fs::exists(in("none"))) << "before there is a folder";
  train(kVq, digits, o);
}

const Vae kConditional{{.hidden = {64}, .latent = 4, .condition = "label", .classes = 10}};

TEST_F(Generation, AConditionalVaeDrawsTheDigitThatIsAskedFor) {
  const Data digits = Data::open("digits");
  const TrainOptions o{.epochs = 30, .batch = 32, .rate = 3e-3, .out = in("c"), .threads = 1};
  const Model m = train(kConditional, digits, o);
  const auto labels = digits.dataset().field("label").values.span<int32_t>();
  const std::vector<float> x = digits.values();
  std::vector<std::vector<double>> means(10, std::vector<double>(64));
  std::vector<double> counts(10);
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto k = static_cast<size_t>(labels[i]);
    ++counts[k];
    for (size_t j = 0; j < 64; ++j) means[k][j] += static_cast<double>(x[64 * i + j]);
  }
  for (int32_t asked = 0; asked < 10; ++asked) {
    const std::vector<float> made = m.sample(64, 1, std::vector{asked});
    std::vector<double> mean(64);
    for (size_t i = 0; i < made.size(); ++i) mean[i % 64] += static_cast<double>(made[i]) / 64;
    size_t nearest = 0;
    double least = INFINITY;
    for (size_t k = 0; k < 10; ++k) {
      double d = 0;
      for (size_t j = 0; j < 64; ++j) d += std::pow(mean[j] - means[k][j] / counts[k], 2);
      if (d < least) least = d, nearest = k;
    }
    EXPECT_EQ(nearest, static_cast<size_t>(asked));
  }
  EXPECT_TRUE(diagnose(m, digits, o).empty());
  // The label is used: another one gives another reconstruction, the right one the better.
  const auto some = std::span(x).first(64 * 50);
  const std::vector<int32_t> right(labels.begin(), labels.begin() + 50);
  std::vector<int32_t> wrong = right;
  for (int32_t& k : wrong) k = (k + 1) % 10;
  const auto error = [&](const std::vector<int32_t>& given) {
    const std::vector<float> back = m.reconstruct(some, given);
    double sum = 0;
    for (size_t i = 0; i < back.size(); ++i)
      sum += std::pow(static_cast<double>(back[i]) - static_cast<double>(some[i]), 2);
    return sum;
  };
  EXPECT_LT(error(right), 0.7 * error(wrong));
}

TEST_F(Generation, ConditionsThatCannotBeAreRefused) {
  const Data digits = Data::open("digits");
  const Model m = train(kConditional, digits, {.epochs = 1, .threads = 1});
  const std::vector<float> x = digits.values(0, 3);
  EXPECT_TRUE(has(refusal([&] { m.encode(x); }), "conditioned on labels"));
  EXPECT_TRUE(has(refusal([&] { m.sample(3); }), "of 10 classes"));
  EXPECT_TRUE(has(refusal([&] { m.encode(x, std::vector<int32_t>{1, 2}); }), "2 labels"));
  EXPECT_TRUE(has(refusal([&] { m.sample(1, 1, std::vector<int32_t>{10}); }), "0 to 9"));
  const Model plain = train(Vae{{.hidden = {8}}}, digits, {.epochs = 1, .threads = 1});
  EXPECT_TRUE(
      has(refusal([&] { plain.sample(1, 1, std::vector<int32_t>{1}); }), "not conditioned"));
  Vae few = kConditional;
  few.c.classes = 9;
  EXPECT_TRUE(has(refusal([&] { train(few, digits, {.epochs = 1}); }), "has the label 9"));
  few.c.classes = 0;
  EXPECT_TRUE(has(refusal([&] { train(few, digits, {.epochs = 1}); }), "number of classes"));
  EXPECT_TRUE(has(refusal([&] {
                    train(kConditional, Data::rows(std::vector<float>(640), {64}),
                          {.epochs = 1, .batch = 4});
                  }),
                  "has not"));
}

TEST_F(Generation, ClassesOfOtherTextsAreNotValidatedOn) {
  const auto table = [&](const std::string& name, const std::string& texts) {
    std::string csv = "a,b,kind\n";
    for (int i = 0; i < 30; ++i)
      csv += std::to_string(i) + "," + std::to_string(i % 7) + "," +
             texts[static_cast<size_t>(i) % texts.size()] + "\n";
    make_folder(root_);
    write_file_atomic(in(name), csv);
    return Data::open(in(name), "kind");
  };
  const Vae vae{{.hidden = {4},
                 .latent = 1,
                 .likelihood = "gaussian_optimal",
                 .condition = "label",
                 .classes = 3}};
  TrainOptions o{.epochs = 1, .batch = 8, .threads = 1};
  o.validation_data = table("same.csv", "cab");
  train(vae, table("train.csv", "abc"), o);
  o.validation_data = table("other.csv", "abd");
  EXPECT_TRUE(has(refusal([&] { train(vae, table("train.csv", "abc"), o); }), "others than train"));
}

}  // namespace
}  // namespace latent
