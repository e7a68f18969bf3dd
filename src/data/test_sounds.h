// Sounds for tests: tones, and files whose headers say what they are told to.
#pragma once

#include <gtest/gtest.h>
#include <sndfile.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "base/file.h"

namespace latent {

/// A sine of amplitude 1/2.
inline std::vector<float> tone(double hertz, int rate, size_t samples) {
  std::vector<float> x(samples);
  for (size_t i = 0; i < samples; ++i)
    x[i] = static_cast<float>(0.5 * std::sin(2 * M_PI * hertz * static_cast<double>(i) / rate));
  return x;
}

struct WavHeader {
  uint16_t codec = 1;  // 1: PCM, 3: float, 7: mu-law, 0x55: MP3
  uint16_t channels = 1;
  uint32_t rate = 8000;
  uint16_t bits = 16;
  int64_t claim = -1;  // bytes of samples; -1: the truth
};

inline std::string wav(const WavHeader& h, const std::string& samples) {
  const auto number = [](uint64_t v, size_t bytes) {
    std::string s;
    for (size_t i = 0; i < bytes; ++i) s += static_cast<char>(v >> 8 * i & 255);
    return s;
  };
  const uint64_t frame = static_cast<uint64_t>(h.channels) * h.bits / 8;
  const uint64_t claim = h.claim < 0 ? samples.size() : static_cast<uint64_t>(h.claim);
  std::string body = "WAVEfmt " + number(16, 4) + number(h.codec, 2) + number(h.channels, 2) +
                     number(h.rate, 4) + number(h.rate * frame, 4) + number(frame, 2) +
                     number(h.bits, 2) + "data" + number(claim, 4) + samples;
  if (samples.size() % 2) body += '\0';
  return "RIFF" + number(body.size(), 4) + body;
}

inline std::string float_bytes(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

/// Vorbis in Ogg.
inline std::string ogg(const std::vector<float>& samples, int rate) {
  std::string path = testing::TempDir() + "ogg_XXXXXX";
  const int fd = ::mkstemp(path.data());
  SF_INFO info{.samplerate = rate, .channels = 1, .format = SF_FORMAT_OGG | SF_FORMAT_VORBIS};
  SNDFILE* file = sf_open_fd(fd, SFM_WRITE, &info, SF_TRUE);
  sf_writef_float(file, samples.data(), static_cast<sf_count_t>(samples.size()));
  sf_close(file);
  std::string bytes = read_file(path);
  ::unlink(path.c_str());
  return bytes;
}

}  // namespace latent
