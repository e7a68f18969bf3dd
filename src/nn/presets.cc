// Presets: functions from width, depth and the picture's size to the text of a stack; see
// latent/stack.h. Stage i has width 2^i channels and halves the picture.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/near.h"
#include "latent/stack.h"
#include "nn/stack_text.h"

namespace latent {

namespace {

using Text = std::string (*)(int64_t width, int64_t depth, const Shape& picture);

struct Preset {
  StackPreset info;
  Text encoder;
  Text decoder = nullptr;  // null: the encoder's mirror
  int64_t halvings = 1;    // of the picture, a stage
};

int64_t channels(int64_t width, int64_t stage) { return width << stage; }

/// `stage(i)` for each stage, joined.
template <class F>
std::string stages(int64_t depth, const F& stage) {
  std::vector<std::string> parts;
  for (int64_t i = 0; i < depth; ++i) parts.push_back(stage(i));
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string vgg(int64_t w, int64_t d, const Shape&) {
  return stages(d, [&](int64_t i) {
    return fmt::format("conv {0} 3; relu; conv {0} 3; relu; pool", channels(w, i));
  });
}

std::string all_convolutional(int64_t w, int64_t d, const Shape&) {
  return stages(d, [&](int64_t i) {
    return fmt::format("conv {0} 3; relu; conv {0} 3 s2; relu", channels(w, i));
  });
}

std::string network_in_network(int64_t w, int64_t d, const Shape&) {
  return stages(d, [&](int64_t i) {
    return fmt::format("conv {0} {1}; relu; conv {0} 1; relu; conv {0} 1; relu; pool",
                       channels(w, i), i < 2 ? 5 : 3);
  });
}

std::string residual(int64_t w, int64_t d, const Shape&) {
  return fmt::format("conv {} 3; bn; relu; {}", w, stages(d, [&](int64_t i) {
                       return fmt::format("res {} s2", channels(w, i));
                     }));
}

std::string preactivation(int64_t w, int64_t d, const Shape&) {
  return fmt::format("conv {} 3; {}; bn; relu", w, stages(d, [&](int64_t i) {
                       return fmt::format("preact {} s2", channels(w, i));
                     }));
}

std::string dense_net(int64_t w, int64_t d, const Shape&) {  // 2 k channels first, as in the paper
  return fmt::format("conv {} 3; {}; bn; relu", 2 * w, stages(d, [&](int64_t) {
                       return fmt::format("denseblock 4 {}; transition", w);
                     }));
}

std::string squeezed_residual(int64_t w, int64_t d, const Shape&) {
  return fmt::format("conv {} 3; bn; relu; {}", w, stages(d, [&](int64_t i) {
                       return fmt::format("res {} s2 r{}", channels(w, i),
                                          std::min<int64_t>(16, channels(w, i)));
                     }));
}

std::string inception(int64_t w, int64_t d, const Shape&) {
  // Block 3a in the paper is 64, 96, 128, 16, 32, 32 of 256 channels in all: these are quarters.
  return fmt::format("conv {} 3; relu; {}", w, stages(d, [&](int64_t i) {
                       const auto part = [&](int64_t of64) {
                         return std::max<int64_t>(1, channels(w, i) * of64 / 64);
                       };
                       return fmt::format("inception {} {} {} {} {} {}; pool", part(16), part(24),
                                          part(32), part(4), part(8), part(8));
                     }));
}

std::string dcgan_of(int64_t w, int64_t d, const char* activation) {
  return stages(d, [&](int64_t i) {  // no batch norm at the picture, as the paper has it
    return fmt::format("conv {} 5 s2; {}{}", channels(w, i), i == 0 ? "" : "bn; ", activation);
  });
}
std::string dcgan(int64_t w, int64_t d, const Shape&) { return dcgan_of(w, d, "leaky_relu 0.2"); }
std::string dcgan_generator(int64_t w, int64_t d, const Shape& picture) {
  return mirrored_stack(dcgan_of(w, d, "relu"), picture);
}

std::string fully_convolutional(int64_t w, int64_t d, const Shape&) {
  return stages(d, [&](int64_t i) { return fmt::format("conv {} 3 s2; relu", channels(w, i)); }) +
         "; global";
}
std::string broadcast_decoder(int64_t w, int64_t d, const Shape& picture) {
  return fmt::format("broadcast {}x{}; {}; out 3", picture[0], picture[1],
                     stages(d, [&](int64_t) { return fmt::format("conv {} 3; relu", w); }));
}

std::string strided_by_four(int64_t w, int64_t d, const Shape&) {
  return stages(
      d, [&](int64_t i) { return fmt::format("conv {} 8 s4; leaky_relu 0.2", channels(w, i)); });
}
std::string strided_by_four_back(int64_t w, int64_t d, const Shape& picture) {
  // A last convolution at full rate takes away what transposed ones leave between their steps.
  const std::string mirror = mirrored_stack(strided_by_four(w, d, picture), picture);
  return fmt::format("{}deconv {} 8 s4 {}x{}; leaky_relu 0.2; out 7",
                     mirror.substr(0, mirror.rfind("out")), w, picture[0], picture[1]);
}

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all = {
      {{"vgg",
        "pairs of convolutions 3, then a maximum (Simonyan and Zisserman 2015, arXiv 1409.1556)",
        16, 2},
       vgg},
      {{"allconv",
        "strided convolutions in place of maxima (Springenberg et al. 2015, arXiv 1412.6806)", 16,
        2},
       all_convolutional},
      {{"nin",
        "network in network: convolutions 1 after each one (Lin et al. 2014, arXiv 1312.4400)", 16,
        2},
       network_in_network},
      {{"resnet", "residual blocks (He et al. 2016, arXiv 1512.03385)", 16, 2}, residual},
      {{"preact-resnet", "residual blocks, norm and relu first (He et al. 2016, arXiv 1603.05027)",
        16, 2},
       preactivation},
      {{"densenet",
        "dense blocks of four, width is the growth, and transitions (Huang et al. 2017, arXiv "
        "1608.06993)",
        8, 2},
       dense_net},
      {{"se-resnet",
        "residual blocks with squeeze and excitation (Hu et al. 2018, arXiv 1709.01507)", 16, 2},
       squeezed_residual},
      {{"inception",
        "convolutions 1, 3, 5 and a maximum side by side (Szegedy et al. 2015, arXiv 1409.4842)",
        16, 2},
       inception},
      {{"dcgan",
        "strided convolutions 5, batch norm, leaky relu; the generator with relu (Radford et al. "
        "2016, arXiv 1511.06434)",
        32, 2},
       dcgan,
       dcgan_generator},
      {{"fcn",
        "convolutions and a mean (Long et al. 2015, arXiv 1411.4038) and back from the code at "
        "every place (Watters et al. 2019, arXiv 1901.07017): weights for pictures of any size",
        32, 2},
       fully_convolutional,
       broadcast_decoder},
      {{"wave",
        "for sounds as samples: convolutions 8 of stride 4 and back (the encoder of Defossez et "
        "al. "
        "2022, arXiv 2210.13438, without its residual units)",
        16, 4},
       strided_by_four,
       strided_by_four_back,
       2},
  };
  return all;
}

const Preset* find(const std::string& name) {
  for (const Preset& p : presets()) {
    if (p.info.name == name) return &p;
  }
  return nullptr;
}

/// How often a picture can be halved so that 2 x 2 is left, or of a sequence 2: batch norm needs
/// more than one place.
int64_t most_halvings(const Shape& picture) {
  int64_t times = 0;
  const int64_t shorter = picture[0] == 1 ? picture[1] : std::min(picture[0], picture[1]);
  for (int64_t size = shorter; size >= 3; size = (size + 1) / 2) ++times;
  return times;
}

std::string built(const Preset& p, Text text, int64_t width, int64_t depth, const Shape& picture) {
  constexpr int64_t kMostWidth = 4096, kMostDepth = 8;
  const std::string& name = p.info.name;
  if (picture.rank() != 3) {
    throw UsageError("the preset " + name + " is for pictures, rows here are flat, " +
                     picture.text() + "; say --picture HEIGHT,WIDTH, or use dense layers");
  }
  const int64_t most = std::min(kMostDepth, most_halvings(picture) / p.halvings);
  if (depth > most || most == 0) {
    throw UsageError(
        fmt::format("{} of depth {} halves a picture {} x {} {} times; at most {} fits", name,
                    std::max<int64_t>(depth, 1), picture[0], picture[1],
                    std::max<int64_t>(depth, 1) * p.halvings, most));
  }
  if (width < 0 || width > kMostWidth || depth < 0)
    throw UsageError(fmt::format("a width is 1 to {}, found {}", kMostWidth, width));
  return normalized_stack(
      text(width ? width : p.info.width, depth ? depth : std::min(most, p.info.depth), picture));
}

/// A text, or a UsageError that knows the presets' names too.
std::string own_text(const char* what, const std::string& spec, int64_t width, int64_t depth) {
  const std::string first = spec.substr(0, spec.find_first_of(" \t;"));
  if (first == spec && std::ranges::count(nn::words(), spec, &nn::Word::name) == 0) {
    std::vector<std::string> names;
    for (const Preset& p : presets()) names.push_back(p.info.name);
    throw UsageError(std::string("no ") + what + " is called \"" + spec + "\"" +
                     did_you_mean(spec, names));
  }
  if (width != 0 || depth != 0)
    throw UsageError(std::string("width and depth are of presets; the ") + what +
                     " is written out, so its text says both");
  return normalized_stack(spec);
}

}  // namespace

const std::vector<StackPreset>& stack_presets() {
  static const std::vector<StackPreset> all = [] {
    std::vector<StackPreset> infos;
    for (const Preset& p : presets()) infos.push_back(p.info);
    return infos;
  }();
  return all;
}

std::string encoder_stack(const std::string& spec, int64_t width, int64_t depth,
                          const Shape& picture) {
  const Preset* p = find(spec);
  return p ? built(*p, p->encoder, width, depth, picture) : own_text("encoder", spec, width, depth);
}

std::string decoder_stack(const std::string& spec, const std::string& encoder, int64_t width,
                          int64_t depth, const Shape& picture) {
  const Preset* p = find(spec.empty() ? encoder : spec);
  if (p && p->decoder) return built(*p, p->decoder, width, depth, picture);
  if (p) return mirrored_stack(built(*p, p->encoder, width, depth, picture), picture);
  if (spec.empty()) return mirrored_stack(encoder, picture);
  std::string text = own_text("decoder", spec, 0, 0);
  if (nn::parse_stack(text).back().word != "out")
    throw UsageError("a decoder ends in the layer out, which gives what the data need; found \"" +
                     text + "\"; add \"; out 3\"");
  return text;
}

}  // namespace latent
