// Sounds of every format and width come out as the samples that went in; headers that lie, codecs
// and rates that cannot be, and samples that are no numbers are told.
#include "data/audio_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/file.h"
#include "data/test_sounds.h"

namespace latent {
namespace {

using namespace std::string_literals;

Sound decode(const std::string& file) { return decode_sound(bytes_of(file), "a.wav"); }

std::string refusal(const std::string& file) {
  try {
    decode(file);
  } catch (const DataError& e) {
    EXPECT_EQ(e.path(), "a.wav");
    return e.what();
  }
  return "was read";
}

void expect_says(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(AudioFile, PcmOfEveryWidthIsScaledToOne) {
  EXPECT_EQ(decode(wav({.bits = 8}, "\x00\x80\xff"s)).samples,
            (std::vector<float>{-1, 0, 127 / 128.0F}));
  EXPECT_EQ(decode(wav({.bits = 16}, "\x00\x80\x00\x40"s)).samples, (std::vector<float>{-1, 0.5}));
  EXPECT_EQ(decode(wav({.bits = 24}, "\x00\x00\x80\x00\x00\x40\x01\x00\x00"s)).samples,
            (std::vector<float>{-1, 0.5, 1 / 8388608.0F}));
  EXPECT_EQ(decode(wav({.bits = 32}, "\x00\x00\x00\x80\x00\x00\x00\x40"s)).samples,
            (std::vector<float>{-1, 0.5}));
  EXPECT_EQ(decode(wav({.codec = 3, .bits = 32}, float_bytes({0.25, -1.5}))).samples,
            (std::vector<float>{0.25, -1.5}));
  EXPECT_EQ(decode(wav({.codec = 7, .bits = 8}, "\xff\x7f"s)).samples, (std::vector<float>{0, 0}))
      << "mu-law";
}

TEST(AudioFile, ChannelsAreMixedAndRatesKept) {
  const Sound s = decode(wav({.channels = 2, .rate = 44100}, "\x00\x40\x00\xc0\x00\x40\x00\x20"s));
  EXPECT_EQ(s.samples, (std::vector<float>{0, 0.375}));
  EXPECT_EQ(s.channels, 2);
  EXPECT_EQ(s.rate, 44100);
}

TEST(AudioFile, WhatIsWrittenIsReadAgain) {
  const std::vector<float> sine = tone(440, 8000, 1000);
  for (const std::string& ending : sound_endings()) {
    const std::string file = encode_sound(sine, 8000, ending);
    EXPECT_EQ(file, encode_sound(sine, 8000, ending)) << "the same bytes again";
    const Sound s = decode(file);
    EXPECT_EQ(s.rate, 8000);
    ASSERT_EQ(s.samples.size(), sine.size()) << ending;
    for (size_t i = 0; i < sine.size(); ++i)
      ASSERT_NEAR(s.samples[i], sine[i], 0.5 / 32768 + 1e-7) << ending << " " << i;
  }
  EXPECT_EQ(decode(encode_sound(std::vector<float>{2, -2}, 8000, ".wav")).samples,
            (std::vector<float>{32767 / 32768.0F, -1}));
  EXPECT_THROW(encode_sound(sine, 8000, ".mp3"), UsageError);
}

TEST(AudioFile, OggIsRead) {
  const Sound s = decode(ogg(tone(440, 8000, 4000), 8000));
  ASSERT_EQ(s.samples.size(), 4000u);
  double error = 0;
  for (size_t i = 0; i < 4000; ++i) error += std::pow(s.samples[i] - tone(440, 8000, 4000)[i], 2);
  EXPECT_LT(error / 4000, 1e-4);
  EXPECT_EQ(sound_format(bytes_of(ogg({0.1F}, 8000))), "Ogg");
}

TEST(AudioFile, LyingHeadersAreTold) {
  const std::string four = "\x00\x40\x00\xc0\x00\x40\x00\x20"s;
  expect_says(refusal(wav({.claim = 2000}, four)), "says 2000 bytes of samples, the file holds 8");
  expect_says(refusal(wav({.bits = 24}, "\x01\x02\x03\x04"s)), "the last is cut");
  expect_says(refusal(wav({}, "")), "no samples");
  EXPECT_EQ(decode(wav({.claim = 0xffffffff}, four)).samples.size(), 4u) << "of a pipe";
  EXPECT_EQ(decode(wav({.bits = 24}, "\x00\x00\x40"s)).samples, std::vector<float>{0.5})
      << "an odd number of bytes, behind which stands one more";
  const std::string aiff = encode_sound(tone(440, 8000, 500), 8000, ".aiff");
  expect_says(refusal(aiff.substr(0, aiff.size() - 100)), "cut short");
  const std::string flac = encode_sound(tone(440, 8000, 9000), 8000, ".flac");
  expect_says(refusal(flac.substr(0, flac.size() / 2)), "cut short");
}

TEST(AudioFile, WhatCannotBeASoundIsTold) {
  expect_says(refusal(wav({.rate = 1}, "ab")), "a rate of 1 Hz");
  expect_says(refusal(wav({.rate = 400000}, "ab")), "a rate of 400000 Hz");
  expect_says(refusal(wav({.channels = 100}, std::string(200, 'a'))), "100 channels");
  expect_says(refusal(wav({.codec = 0x55}, std::string(64, 'a'))), "the WAV file cannot be read");
  expect_says(refusal(wav({.codec = 3, .bits = 32}, float_bytes({0, NAN}))), "sample 2 is NaN");
  expect_says(refusal(wav({.codec = 3, .bits = 32}, float_bytes({INFINITY}))), "is infinite");
  expect_says(refusal(wav({.codec = 3, .bits = 32}, float_bytes({1e38F}))),
              "sounds lie in [-1, 1]");
  expect_says(refusal(""), "empty");
  expect_says(refusal("a text that is named a.wav\n"), "a text, not a sound");
  expect_says(refusal("ID3\4\0"s), "MP3");
  expect_says(refusal("\x7f"
                      "ELF\0\1"s),
              "by its first bytes");
}

TEST(AudioFile, SilenceThatFillsTheMemoryIsRefused) {
  const std::string bomb = encode_sound(std::vector<float>(3000000, 0.0F), 8000, ".flac");
  expect_says(refusal(bomb), "almost all of it is silence");
}

TEST(AudioFile, NoTruncationOrChangedByteCrashes) {
  const std::vector<float> sine = tone(440, 8000, 300);
  std::vector<std::string> files = {wav({.channels = 2, .bits = 24}, std::string(60, 'x')),
                                    ogg(sine, 8000)};
  for (const std::string& ending : sound_endings())
    files.push_back(encode_sound(sine, 8000, ending));
  for (const std::string& file : files) {
    const size_t step = file.size() > 1000 ? 13 : 1;
    for (size_t at = 0; at < file.size(); at += step) {
      EXPECT_LE(refusal(file.substr(0, at)).size(), 500u);
      std::string changed = file;
      changed[at] = static_cast<char>(changed[at] ^ 0xff);
      refusal(changed);
    }
  }
}

}  // namespace
}  // namespace latent
