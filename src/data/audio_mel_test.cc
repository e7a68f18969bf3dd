// Spectra and mel filters against numbers that librosa 0.11.0 gave for the same signals, and sounds
// that come back.
#include "data/audio_mel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "data/test_sounds.h"

namespace latent {
namespace {

// Two partials, the second from a third of the way on.
std::vector<float> partials(int rate, size_t n) {
  std::vector<float> x(n);
  for (size_t i = 0; i < n; ++i) {
    const double t = 2 * M_PI * static_cast<double>(i) / rate;
    x[i] = static_cast<float>(0.5 * std::sin(440 * t) +
                              (i > n / 3 ? 0.25 * std::sin(1870.5 * t) : 0.0));
  }
  return x;
}

constexpr MelSettings kSmall{
    .rate = 8000, .fft = 512, .hop = 128, .mels = 40, .high = 4000, .floor = -200};

MelSettings with_htk(MelSettings s) {
  s.htk = true;
  return s;
}

TEST(AudioMel, ScalesAreLibrosas) {
  const double hz[] = {60, 999, 1000, 4000, 11025};
  const double slaney[] = {0.9, 14.985, 15, 35.163760314616646, 49.91059448015905};
  const double htk[] = {92.681858131657, 999.3224043281768, 999.9855371396244, 2146.06452750619,
                        3176.318435512582};
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(hz_to_mel(hz[i], false), slaney[i], 1e-9);
    EXPECT_NEAR(hz_to_mel(hz[i], true), htk[i], 1e-9);
    EXPECT_NEAR(mel_to_hz(slaney[i], false), hz[i], 1e-8);
    EXPECT_NEAR(mel_to_hz(htk[i], true), hz[i], 1e-8);
  }
}

// librosa.filters.mel(sr=8000, n_fft=512, n_mels=40, fmin=0, fmax=4000, htk=..)
TEST(AudioMel, FiltersAreLibrosas) {
  const std::vector<float> slaney = mel_filters(kSmall), htk = mel_filters(with_htk(kSmall));
  const auto at = [](const std::vector<float>& f, size_t m, size_t b) { return f[m * 257 + b]; };
  EXPECT_NEAR(std::accumulate(slaney.begin(), slaney.end(), 0.0), 2.5594282, 1e-5);
  EXPECT_NEAR(at(slaney, 0, 2), 0.009558937512338161, 1e-8);
  EXPECT_NEAR(at(slaney, 0, 3), 0.01433840673416853, 1e-8);
  EXPECT_EQ(at(slaney, 5, 16), 0);
  EXPECT_NEAR(at(slaney, 20, 81), 0.007203754037618637, 1e-8);
  EXPECT_NEAR(at(slaney, 39, 250), 0.0018397480016574264, 1e-8);
  EXPECT_NEAR(at(slaney, 39, 255), 0.0003066246572416276, 1e-8);
  EXPECT_NEAR(std::accumulate(htk.begin(), htk.end(), 0.0), 2.5592027, 1e-5);
  EXPECT_NEAR(at(htk, 0, 2), 0.02756310999393463, 1e-8);
  EXPECT_NEAR(at(htk, 5, 16), 0.010018161498010159, 1e-8);
  EXPECT_NEAR(at(htk, 39, 255), 0.0003514072741381824, 1e-8);
  // sr=16000, n_fft=1024, n_mels=64, fmin=50, fmax=7600
  const std::vector<float> other = mel_filters({.low = 50, .high = 7600});
  EXPECT_NEAR(other[0 * 513 + 6], 0.021728992462158203, 1e-8);
  EXPECT_NEAR(other[63 * 513 + 464], 0.0029196529649198055, 1e-8);
}

// librosa.power_to_db(librosa.feature.melspectrogram(.., hop_length=128), top_db=None)
// Sums over bins stand for areas where a triangle is many bins wide.
TEST(AudioMel, FiltersAreOfAreaOne) {
  const MelSettings fine{.rate = 8000, .fft = 8192, .hop = 128, .mels = 10, .high = 4000};
  const std::vector<float> filters = mel_filters(fine);
  for (size_t m = 0; m < 10; ++m) {
    double sum = 0;
    for (size_t b = 0; b < 4097; ++b) sum += static_cast<double>(filters[m * 4097 + b]);
    EXPECT_NEAR(sum * 8000 / 8192, 1, 1e-3) << m;
  }
}

TEST(AudioMel, LogMelIsLibrosas) {
  struct Value {
    size_t mel, frame;
    double slaney, htk;
  };
  const Value values[] = {{0, 0, -8.668569564819336, -8.748177528381348},
                          {6, 5, 15.151769638061523, -53.08303451538086},
                          {8, 16, -17.003454208374023, -22.07219123840332},
                          {25, 30, -58.78460693359375, -59.37509536743164},
                          {39, 31, -33.12986373901367, -33.135154724121094}};
  const std::vector<float> x = partials(8000, 4096);
  const std::vector<float> slaney = log_mel(x, kSmall), htk = log_mel(x, with_htk(kSmall));
  ASSERT_EQ(slaney.size(), 40u * 32);  // librosa has a frame 33 after the last hop
  for (const Value& v : values) {
    // Float spectra at 60 dB under the loudest bin differ between any two FFTs.
    EXPECT_NEAR(slaney[v.mel * 32 + v.frame], v.slaney, v.slaney < -50 ? 0.05 : 2e-3);
    EXPECT_NEAR(htk[v.mel * 32 + v.frame], v.htk, v.htk < -50 ? 0.05 : 2e-3);
  }
}

TEST(AudioMel, TheFloorIsTheLeast) {
  MelSettings s = kSmall;
  s.floor = -40;
  const std::vector<float> db = log_mel(std::vector<float>(1000, 0.0F), s);
  EXPECT_EQ(db, std::vector<float>(40u * 8, -40.0F));
  EXPECT_EQ(frames_of(1000, 128), 8u);
  EXPECT_EQ(frames_of(1, 128), 1u);
}

TEST(AudioMel, TheInverseGivesTheSoundBack) {
  const std::vector<float> x = partials(8000, 4000);
  const std::vector<float> y = inverse_stft(stft(x, 512, 128), 512, 128, x.size());
  for (size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(y[i], x[i], 1e-4) << i;
}

TEST(AudioMel, GriffinLimSoundsLikeItsSpectrum) {
  MelSettings s = kSmall;
  s.mels = 64;
  s.floor = -60;
  const std::vector<float> x = partials(8000, 8192), db = log_mel(x, s);
  const std::vector<float> y = griffin_lim(db, s, x.size()), again = log_mel(y, s);
  EXPECT_EQ(y, griffin_lim(db, s, x.size())) << "the same sound every time";
  double error = 0, count = 0;
  for (size_t i = 0; i < db.size(); ++i) {
    if (db[i] < -20) continue;  // what is heard
    error += std::pow(db[i] - again[i], 2), ++count;
  }
  EXPECT_LT(std::sqrt(error / count), 2.5) << "dB";
  EXPECT_GT(count, 300);
  const std::vector<float> silence = griffin_lim(std::vector<float>(64u * 64, -60.0F), s, 8192);
  EXPECT_EQ(silence, std::vector<float>(8192, 0.0F));
}

}  // namespace
}  // namespace latent
