// Stacks: their text, their mirrors, and the numbers of parameters that the papers' nets have.
#include "latent/stack.h"

#include <gtest/gtest.h>

#include <cctype>
#include <cmath>
#include <fstream>
#include <set>
#include <string_view>

#include "latent/plan.h"
#include "nn/stack_text.h"

namespace latent {
namespace {

int64_t parameters(const std::string& text, const Shape& row, const Shape& output = {}) {
  int64_t sum = 0;
  for (const LayerInfo& l : stack_layers(text, row, output)) sum += l.parameters;
  return sum;
}
std::string times(int n, const std::string& text) {
  std::string all;
  for (int i = 0; i < n; ++i) all += (i ? "; " : "") + text;
  return all;
}

// Published figures, of the paper or of its reference implementation in PyTorch or Keras.

TEST(Published, Vgg16) {  // the convolutions of configuration D (Keras, include_top=False)
  const auto stage = [](int convs, const std::string& channels) {
    return times(convs, "conv " + channels + " 3; relu") + "; pool; ";
  };
  const std::string text = stage(2, "64") + stage(2, "128") + stage(3, "256") + stage(3, "512") +
                           times(3, "conv 512 3; relu") + "; pool";
  EXPECT_EQ(parameters(text, {224, 224, 3}), 14714688);
  EXPECT_EQ(stack_layers(text, {224, 224, 3}).back().output, (Shape{7, 7, 512}));
}

std::string of_18_layers(const std::string& word, const std::string& stem) {
  std::string text = stem;
  for (const char* stage : {" 64; ", " 128 s2; ", " 256 s2; ", " 512 s2; "}) {
    std::string second = stage;
    if (const size_t stride = second.find(" s2"); stride != second.npos) second.erase(stride, 3);
    text += word + stage + word + second;
  }
  return text.substr(0, text.size() - 2);
}

TEST(Published, ResNet18) {  // 11,689,512 with the last layer of 512 x 1000 + 1000
  const std::string text = of_18_layers("res", "conv 64 7 s2; bn; relu; pool 3 2; ");
  EXPECT_EQ(parameters(text, {224, 224, 3}), 11689512 - 513000);
  EXPECT_EQ(stack_layers(text, {224, 224, 3}).back().output, (Shape{7, 7, 512}));
  int64_t work = 0;  // 1.8 G multiply-adds (the paper's table 1)
  for (const LayerInfo& l : stack_layers(text, {224, 224, 3})) work += l.multiply_adds;
  EXPECT_NEAR(static_cast<double>(work), 1.8e9, 0.05e9);
}

TEST(Published, PreactivationResNet18) {  // 11,171,146 with a last layer of 512 x 10 + 10; the
  // net that has it ends in no norm
  EXPECT_EQ(parameters(of_18_layers("preact", "conv 64 3; "), {32, 32, 3}) + 64 * 9 * 3 -
                parameters("conv 64 3", {32, 32, 3}),
            11171146 - 5130);
}

TEST(Published, DenseNetBc100) {  // growth 12 on CIFAR-10: 0.8 M; 769,162 with 342 x 10 + 10
  const std::string text =
      "conv 24 3; denseblock 16 12; transition; denseblock 16 12; transition; denseblock 16 12; "
      "bn; "
      "relu; global";
  // A first convolution without the bias that a norm would take away, which here comes later.
  EXPECT_EQ(parameters(text, {32, 32, 3}) - 24, 769162 - 3430);
}

TEST(Published, SqueezeAndExcitationOfResNet50) {
  // 2/r sum of N C^2 without biases: 2,514,944, "~2.5 million" at reduction 16.
  int64_t weights = 0;
  const std::pair<int64_t, int64_t> stages[] = {{3, 256}, {4, 512}, {6, 1024}, {3, 2048}};
  for (const auto& [blocks, c] : stages) {
    const int64_t biases = c / 16 + c;
    weights += blocks * (parameters("se", {7, 7, c}) - biases);
  }
  EXPECT_EQ(weights, 2514944);
}

TEST(Published, NetworkInNetworkOnCifar10) {
  EXPECT_EQ(
      parameters("conv 192 5; relu; conv 160 1; relu; conv 96 1; relu; pool 3 2; dropout 0.5; "
                 "conv 192 5; relu; conv 192 1; relu; conv 192 1; relu; pool 3 2; dropout 0.5; "
                 "conv 192 3; relu; conv 192 1; relu; conv 10 1; relu; global",
                 {32, 32, 3}),
      966986);
}

TEST(Published, AllConvolutionalC) {
  EXPECT_EQ(parameters("conv 96 3; relu; conv 96 3; relu; conv 96 3 s2; relu; conv 192 3; relu; "
                       "conv 192 3; relu; conv 192 3 s2; relu; conv 192 3; relu; conv 192 1; relu; "
                       "conv 10 1; relu; global",
                       {32, 32, 3}),
            1369738);
}

TEST(Published, Inception3a) {
  EXPECT_EQ(parameters("inception 64 96 128 16 32 32", {28, 28, 192}), 163696);
  EXPECT_EQ(stack_layers("inception 64 96 128 16 32 32", {28, 28, 192})[0].output,
            (Shape{28, 28, 256}));
}

TEST(Published, DcganGenerator) {  // PyTorch's example: kernel 4, 64 channels at the end
  const std::string text =
      "picture 4x4x512; bn; relu; deconv 256 4 s2; bn; relu; deconv 128 4 s2; bn; relu; "
      "deconv 64 4 s2; bn; relu; out 4 s2";
  EXPECT_EQ(parameters(text, {100}, {64, 64, 3}) - 3, 3576704);  // its last layer has no bias
}

TEST(Published, FullyConvolutional) {
  // By hand: 9 * 1 * 8 + 8 and 9 * 8 * 16 + 16; 14 * 14 * 9 * 8 and 7 * 7 * 9 * 8 * 16 products.
  const std::vector<LayerInfo> t =
      stack_layers("conv 8 3 s2; relu; conv 16 3 s2; relu; global", {28, 28, 1});
  EXPECT_EQ(t[0].parameters, 80);
  EXPECT_EQ(t[2].parameters, 1168);
  EXPECT_EQ(t[0].multiply_adds, 14112);
  EXPECT_EQ(t[2].multiply_adds, 56448);
  EXPECT_EQ(t[4].output, (Shape{16}));
}

// Texts and mirrors.

std::string refusal(const std::function<void()>& f) {
  try {
    f();
  } catch (const UsageError& e) {
    return e.what();
  }
  return "";
}
void expect_says(const std::string& text, const std::vector<std::string>& pieces) {
  for (const std::string& p : pieces)
    EXPECT_NE(text.find(p), std::string::npos) << "\"" << text << "\" lacks " << p;
}

TEST(StackText, ComesBackNormalized) {
  EXPECT_EQ(normalized_stack(" conv 32 3  s2;relu ;pool; leaky_relu 0.2;picture 7x7x64 "),
            "conv 32 3 s2; relu; pool; leaky_relu 0.2; picture 7x7x64");
  for (const StackPreset& p : stack_presets()) {
    const std::string e = encoder_stack(p.name, 0, 0, {28, 28, 1}),
                      d = decoder_stack(p.name, p.name, 0, 0, {28, 28, 1});
    EXPECT_EQ(normalized_stack(e), e);
    EXPECT_EQ(normalized_stack(d), d);
    EXPECT_EQ(encoder_stack(e, 0, 0, {28, 28, 1}), e);
  }
}

TEST(StackText, SaysWhatIsWrongAndWhere) {
  const auto parse = [](const char* text) { return refusal([&] { normalized_stack(text); }); };
  expect_says(parse("conv 32 3; rleu"), {"at 12", "did you mean \"relu\""});
  expect_says(parse("conv 32"), {"at 1", "conv CHANNELS KERNEL"});
  expect_says(parse("conv 32 3 z2"), {"at 11", "\"z2\"", "sSTRIDE"});
  expect_says(parse("conv 32 3 4"), {"at 11", "one number too many"});
  expect_says(parse("conv 0 3"), {"at 6", "1 to 65536"});
  expect_says(parse("conv 99999999999999999999 3"), {"at 6"});
  expect_says(parse("relu;; relu"), {"at 6", "a layer is missing"});
  expect_says(parse(""), {"a layer is missing"});
  expect_says(parse("picture 7x7"), {"2 extents"});
  expect_says(parse("picture 65536x65536x65536"), {"16777216 values"});
  expect_says(parse("dropout 1"), {"under 1"});
  expect_says(refusal([] {
                encoder_stack("resnt", 0, 0, {28, 28, 1});
              }),
              {"did you mean \"resnet\""});
  expect_says(refusal([] { encoder_stack("conv 8 3", 8, 0, {28, 28, 1}); }), {"width"});
  expect_says(refusal([] { encoder_stack("vgg", 0, 5, {28, 28, 1}); }), {"at most 4 fits"});
  expect_says(refusal([] { encoder_stack("vgg", 0, 0, {784}); }), {"flat"});
  expect_says(refusal([] { decoder_stack("dense 9", "vgg", 0, 0, {8, 8, 1}); }), {"; out"});
}

TEST(StackText, MisuseSaysWhatWouldFit) {
  const auto on = [](const char* text, const Shape& row) {
    return refusal([&] { stack_layers(text, row); });
  };
  expect_says(on("conv 4 3; conv 8 3 s9", {8, 8, 1}),
              {"layer 1, \"conv 8 3 s9\"", "stride 9", "a stride of at most 8 fits"});
  expect_says(on("conv 6 3 g4", {8, 8, 4}), {"4 groups", "multiple"});
  expect_says(on("conv 6 3; gn 4", {8, 8, 4}), {"layer 1", "6 channels", "4 groups"});
  expect_says(on("pool 9", {8, 8, 1}), {"at most 8 fits"});
  expect_says(on("conv 8 3; se r9", {8, 8, 1}), {"1 to 8 fits"});
  expect_says(on("deconv 8 3 s2 7x7", {8, 8, 1}), {"15 to 16 fits"});
  expect_says(on("global; conv 8 3", {8, 8, 1}), {"flat"});
  expect_says(on("upsample 4x4", {8, 8, 1}), {"at least"});
  expect_says(on("out", {8, 8, 1}), {"decoders"});
}

TEST(Mirror, LayersInReverseWithSizesRestored) {
  EXPECT_EQ(mirrored_stack("conv 32 3 s2; bn; relu; conv 64 3 s2; relu", {7, 10, 1}),
            "picture 2x3x64; relu; deconv 32 3 s2 4x5; bn; relu; out 3 s2");
  EXPECT_EQ(mirrored_stack("conv 8 3; relu; pool; dense 5; relu", {7, 7, 3}),
            "dense 5; relu; picture 4x4x8; upsample 7x7; relu; out 3");
  EXPECT_EQ(mirrored_stack("dense 9; relu; dense 4; relu", {12}),
            "dense 4; relu; dense 9; relu; out");
  EXPECT_EQ(mirrored_stack("res 8 s2 r4", {9, 9, 1}),
            "picture 5x5x8; upsample 9x9; res 1 r1; out 3");
  expect_says(refusal([] {
                mirrored_stack("conv 8 3; upsample 9x9", {8, 8, 1});
              }),
              {"layer 1", "no mirror"});
}

TEST(Sequence, LayersAreOneDimensional) {
  EXPECT_EQ(mirrored_stack("conv 16 7 s4; relu; conv 32 8 s4", {1, 4095, 1}),
            "picture 1x256x32; deconv 16 8 s4 1x1024; relu; out 7 s4");
  EXPECT_EQ(parameters("conv 16 7 s4", {1, 4096, 1}), 7 * 16 + 16);
  EXPECT_EQ(parameters("conv 8 3; res 8 s2", {1, 64, 1}), 3 * 8 + 8 + 2 * 3 * 64 + 64 + 3 * 16);
  EXPECT_EQ(
      stack_layers("pool 4; preact 8 s2; denseblock 2 4; transition", {1, 64, 2}).back().output,
      (Shape{1, 4, 8}));
  EXPECT_EQ(encoder_stack("wave", 4, 2, {1, 64, 1}),
            "conv 4 8 s4; leaky_relu 0.2; conv 8 8 s4; leaky_relu 0.2");
  EXPECT_EQ(
      decoder_stack("wave", "wave", 4, 2, {1, 64, 1}),
      "picture 1x4x8; leaky_relu 0.2; deconv 4 8 s4 1x16; leaky_relu 0.2; deconv 4 8 s4 1x64; "
      "leaky_relu 0.2; out 7");
  expect_says(refusal([] {
                encoder_stack("wave", 0, 4, {1, 64, 1});
              }),
              {"8 times", "at most 2 fits"});
}

// The layers of a stack on a picture one pixel high are conv1d's, value for value.
TEST(Sequence, ConvolutionsAreThoseOfSequences) {
  Slots slots(7);
  Graph g;
  const Scope s(g, false);
  const Expr x = g.feed("x", {2, 1, 64, 3});
  const Expr y = stack(s / "a", x, "conv 4 7 s4; deconv 5 8 s4 1x63");
  const Expr line = reshape(x, {2, 64, 3});
  const Expr h = conv1d(s / "b" / 0, line, 4, 7, {.stride = 4}),
             z = conv_transpose1d(s / "b" / 1, h, 5, 8, {.stride = 4, .size = Extent{1, 63}});
  EXPECT_EQ(y.shape(), (Shape{2, 1, 63, 5}));
  g.fetch("y", y);
  g.fetch("z", z);
  Plan plan(g, slots, {.threads = 1});
  for (const char* name : {"0/weight", "1/weight"}) {
    const auto from = slots.at(std::string("a/") + name).span<float>();
    std::ranges::copy(from, slots.at(std::string("b/") + name).span<float>().begin());
  }
  auto feed = plan.feed("x");
  for (size_t i = 0; i < feed.size(); ++i) feed[i] = std::sin(static_cast<float>(i));
  plan.run();
  const auto a = plan.fetch("y"), b = plan.fetch("z");
  EXPECT_TRUE(std::ranges::equal(a, b));
}

// Logarithms of scales are zero for every row at first, by each way to end in `out`; all else is
// drawn as without them.
TEST(Stack, ScalesStartAtZero) {
  const std::tuple<const char*, Shape, Shape> ends[] = {{"picture 4x4x3; out 3", {5}, {4, 4, 6}},
                                                        {"picture 4x4x3; out 4 s2", {5}, {8, 7, 6}},
                                                        {"dense 7; out", {5}, {4, 4, 6}},
                                                        {"dense 7; out", {5}, {6}}};
  for (const auto& [text, row, output] : ends) {
    Slots slots(3), plain(3);
    std::vector<float> y[2];
    for (const int64_t scales : {0, 2}) {
      Graph g;
      const Expr x = g.feed("x", {4, row[0]});
      g.fetch("y", stack(Scope(g, false), x, text, output, scales));
      Plan plan(g, scales == 0 ? plain : slots, {.threads = 1});
      auto feed = plan.feed("x");
      for (size_t i = 0; i < feed.size(); ++i) feed[i] = 30 * std::sin(static_cast<float>(i));
      plan.run();
      const auto fetched = plan.fetch("y");
      y[scales / 2].assign(fetched.begin(), fetched.end());
    }
    for (size_t i = 0; i < y[0].size(); ++i) {
      EXPECT_EQ(y[1][i], i % 6 < 4 ? y[0][i] : 0) << text << " " << i;
      EXPECT_NE(y[0][i], 0) << text << " " << i;
    }
  }
}

TEST(Mirror, OddPicturesComeBackExactly) {
  for (const StackPreset& p : stack_presets()) {
    for (const Shape& picture :
         {Shape{8, 8, 1}, Shape{9, 13, 3}, Shape{28, 28, 1}, Shape{15, 7, 2}, Shape{1, 1000, 1}}) {
      const std::string decoder = decoder_stack(p.name, p.name, 4, 0, picture);
      const std::vector<LayerInfo> layers = stack_layers(decoder, {5}, picture);
      EXPECT_EQ(layers.back().output, picture) << p.name << ": " << decoder;
    }
  }
}

/// What stands between backticks in `text`, placeholders replaced: HxW by 8x8, C by 8, [sS] by s8.
std::vector<std::string> examples(const std::string& text) {
  std::vector<std::string> found;
  for (size_t open = text.find('`'); open != std::string::npos; open = text.find('`', open + 1)) {
    const size_t close = text.find('`', open + 1);
    if (close == std::string::npos) break;
    std::string bare, example = text.substr(open + 1, close - open - 1);
    const bool fraction = example.starts_with("dropout") || example.starts_with("leaky_relu");
    for (size_t i = 0; i < example.size(); ++i) {
      if (example[i] == '[' || example[i] == ']') continue;
      if (std::isupper(static_cast<unsigned char>(example[i])) == 0)
        bare += example[i];
      else if (i + 1 == example.size() ||
               std::isupper(static_cast<unsigned char>(example[i + 1])) == 0)
        bare += fraction ? "0.5" : "8";
    }
    found.push_back(bare);
    open = close;
  }
  return found;
}

/// What follows `--encoder ` in a command, without quotes; empty where there is none.
std::string encoder_of(const std::string& line) {
  constexpr std::string_view kFlag = "--encoder ";
  const size_t flag = line.find(kFlag);
  if (!line.starts_with("latent ") || flag == std::string::npos) return "";
  const size_t begin = flag + kFlag.size();
  const bool quoted = line[begin] == '"';
  return line.substr(begin + quoted, line.find(quoted ? '"' : ' ', begin + 1) - begin - quoted);
}

TEST(Documentation, EveryExampleIsRead) {
  std::ifstream in(LATENT_SOURCE_DIR "/docs/architectures.md");
  ASSERT_TRUE(in);
  std::set<std::string> undocumented, presets;
  for (const nn::Word& w : nn::words()) undocumented.insert(w.name);
  for (const StackPreset& p : stack_presets()) presets.insert(p.name);
  int commands = 0;
  std::string section;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("## ")) section = line.substr(3);
    if (const std::string encoder = encoder_of(line); !encoder.empty()) {
      EXPECT_NO_THROW(encoder_stack(encoder, 0, 0, {8, 8, 1})) << line;
      ++commands;
    }
    if (!line.starts_with("| `")) continue;
    std::vector<std::string> cells;
    for (size_t from = 2; from < line.size();) {
      const size_t to = std::min(line.find(" | ", from), line.size());
      cells.push_back(line.substr(from, to - from));
      from = to + 3;
    }
    if (section == "Presets") {
      EXPECT_EQ(presets.erase(cells.at(0).substr(1, cells[0].size() - 2)), 1u) << line;
      for (const std::string& e : examples(cells.at(1))) {
        if (e.find("..") != std::string::npos) continue;
        EXPECT_NO_THROW(normalized_stack(e)) << e;
      }
    } else {
      for (const std::string& e : examples(cells.at(0))) {
        EXPECT_NO_THROW(normalized_stack(e)) << e;
        undocumented.erase(e.substr(0, e.find(' ')));
      }
    }
  }
  EXPECT_GE(commands, 3);
  EXPECT_EQ(presets, std::set<std::string>{});
  EXPECT_EQ(undocumented, (std::set<std::string>{}));
}

TEST(Stack, FullyConvolutionalWeightsServeAnySize) {
  // Biases are zero, so that nothing comes of zeros: the same object in a larger empty picture
  // gives the same sums, and means in proportion to the sizes.
  const std::string text = encoder_stack("fcn", 4, 2, {28, 28, 1});
  Slots slots(3);
  const auto sums = [&](int64_t h, int64_t w, int64_t top, int64_t left) {
    Graph g;
    g.fetch("y", stack(Scope(g, false) / "encoder", g.feed("x", {1, h, w, 1}), text));
    Plan plan(g, slots, {.threads = 1});
    const auto x = plan.feed("x");
    for (int64_t i = 0; i < 8; ++i) {
      for (int64_t k = 0; k < 8; ++k)
        x[static_cast<size_t>((top + i) * w + left + k)] = static_cast<float>(i * k % 5);
    }
    plan.run();
    std::vector<float> y;
    for (const float mean : plan.fetch("y")) y.push_back(mean * static_cast<float>(h * w) / 16);
    return y;
  };
  const std::vector<float> small = sums(28, 28, 8, 12), large = sums(96, 160, 40, 84);
  ASSERT_EQ(small.size(), 8u);
  float most = 0;
  for (size_t i = 0; i < small.size(); ++i) {
    EXPECT_NEAR(small[i], large[i], 1e-4 * std::abs(large[i])) << i;
    most = std::max(most, large[i]);
  }
  EXPECT_GT(most, 1);
}

}  // namespace
}  // namespace latent
