// Rates, silence and loudness against signals whose answer is known.
#include "data/audio_signal.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/test_sounds.h"

namespace latent {
namespace {

// Power of the difference over that of b, in dB, away from the ends, where the band limit rings.
double error_db(std::span<const float> a, std::span<const float> b) {
  double error = 0, power = 0;
  for (size_t i = b.size() / 10; i < b.size() * 9 / 10; ++i) {
    error += std::pow(static_cast<double>(a[i]) - b[i], 2);
    power += static_cast<double>(b[i]) * b[i];
  }
  return 10 * std::log10(error / power);
}

TEST(AudioSignal, AToneKeepsItsPitchAtAnyRate) {
  for (const auto& [from, to] : {std::pair{44100, 16000}, {8000, 48000}, {48000, 8000}}) {
    const auto n = static_cast<size_t>(from) / 2;
    const std::vector<float> y = resampled(tone(440, from, n), from, to);
    ASSERT_EQ(y.size(), static_cast<size_t>(to) / 2);
    EXPECT_LT(error_db(y, tone(440, to, y.size())), -60) << from << " to " << to;
  }
  const std::vector<float> high = resampled(tone(6000, 16000, 8000), 16000, 8000);
  double most = 0;
  for (size_t i = 400; i + 400 < high.size(); ++i) most = std::max<double>(most, std::abs(high[i]));
  EXPECT_LT(most, 1e-4) << "what the new rate cannot hold is gone, not folded back";
  EXPECT_EQ(resampled(tone(1, 8000, 9), 8000, 8000), tone(1, 8000, 9));
  EXPECT_EQ(resampled(tone(1, 8000, 9), 8000, 4001).size(), 5u);
  EXPECT_EQ(resampled(tone(1, 384000, 1), 384000, 4000).size(), 1u);
}

TEST(AudioSignal, SilenceIsTakenOffTheEnds) {
  std::vector<float> x(8000, 1e-5F);
  const std::vector<float> sine = tone(440, 8000, 2000);
  std::ranges::copy(sine, x.begin() + 4000);
  const auto kept = trimmed(x, 8000, 60);
  const auto begin = static_cast<size_t>(kept.data() - x.data());
  EXPECT_LE(begin, 4000u);
  EXPECT_GE(begin, 4000u - 200);  // a frame is 200 samples
  EXPECT_GE(begin + kept.size(), 6000u);
  EXPECT_LE(begin + kept.size(), 6000u + 200);
  EXPECT_EQ(trimmed(x, 8000, 200).size(), x.size());
  EXPECT_TRUE(trimmed(std::vector<float>(100, 0.0F), 8000, 60).empty());
  EXPECT_TRUE(trimmed({}, 8000, 60).empty());
}

// ITU-R BS.1770-4, annex 1: a sine of 997 Hz at full scale in one channel reads -3.01 LKFS.
TEST(AudioSignal, LoudnessIsThatOfTheStandard) {
  for (const int rate : {8000, 44100, 48000}) {
    std::vector<float> x = tone(997, rate, static_cast<size_t>(rate) * 2);
    for (float& v : x) v *= 2;
    EXPECT_NEAR(loudness(x, rate), -3.01, 0.1) << rate;
    // Of silence behind it only three blocks count, which are a quarter, a half, three quarters
    // full.
    x.resize(2 * x.size(), 0);
    EXPECT_NEAR(loudness(x, rate), -3.01 + 10 * std::log10(18.5 / 20), 0.1) << rate;
    x.resize(static_cast<size_t>(rate) / 5);
    EXPECT_NEAR(loudness(x, rate), -3.01, 0.2) << "a fifth of a second at " << rate;
  }
  EXPECT_EQ(loudness(std::vector<float>(9000, 0.0F), 8000), -INFINITY);
  EXPECT_EQ(loudness({}, 8000), -INFINITY);
}

}  // namespace
}  // namespace latent
