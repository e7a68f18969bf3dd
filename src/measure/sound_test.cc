// Measures of sounds on signals whose answer is known.
#include "measure/sound.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace latent::measure {
namespace {

TEST(Sound, SiSdrKnowsNoScale) {
  const std::vector<float> s = {3, 4, 0, 0}, e = {6, 8, 1, 0};
  EXPECT_NEAR(si_sdr(s, e), 20, 1e-9) << "|2 s|^2 = 100 over 1";
  std::vector<float> louder = e;
  for (float& v : louder) v *= 7;
  EXPECT_NEAR(si_sdr(s, louder), 20, 1e-5);
  EXPECT_EQ(si_sdr(s, s), INFINITY);
  EXPECT_EQ(si_sdr(s, std::vector<float>(4, 0.0F)), -INFINITY);
  EXPECT_EQ(si_sdr(std::vector<float>(4, 0.0F), s), -INFINITY);
}

Content content(const char* features) {
  return {.kind = "audio",
          .settings = {{"features", features},
                       {"rate", 8000},
                       {"window", 0.064},
                       {"hop", 0.064},
                       {"fft", 256},
                       {"mels", 8},
                       {"mel_scale", "slaney"},
                       {"floor", -60.0}}};
}

TEST(Sound, ErrorsSayOverWhichRowsTheyAre) {
  std::vector<float> sine(512);
  for (size_t i = 0; i < sine.size(); ++i) sine[i] = std::sin(static_cast<float>(i));
  std::vector<float> rows = sine, back = sine;
  for (float& v : back) v /= 10;  // 20 dB in every band that is over the floor
  rows.resize(1024, 0);           // and a silent row
  back.resize(1024, 0);
  const SoundError wave = sound_error(content("wave"), rows, back);
  EXPECT_EQ(wave.silent, 1);
  EXPECT_GT(wave.si_sdr.value(), 100);
  EXPECT_GT(wave.log_mel, 10);
  EXPECT_LT(wave.log_mel, 20 / std::sqrt(2) + 0.1);
  // 8 bands, 8 frames: a log-mel row has 64 values.
  const SoundError mel = sound_error(content("logmel"), std::vector<float>(128, -20.0F),
                                     std::vector<float>(128, -23.0F));
  EXPECT_FALSE(mel.si_sdr);
  EXPECT_NEAR(mel.log_mel, 3, 1e-6);
  EXPECT_EQ(mel.text(), "log-mel error 3.00 dB, root mean square over 2 windows");
  const SoundError told{.rows = 15, .log_mel = 4.1, .si_sdr = 7.9, .silent = 3};
  EXPECT_EQ(told.text(),
            "SI-SDR 7.90 dB, mean of 12 windows without 3 that are silent; log-mel error 4.10 dB, "
            "root mean square over 15 windows");
}

}  // namespace
}  // namespace latent::measure
