// Sounds in files, through libsndfile: WAV (also RIFX, RF64), FLAC, Ogg (Vorbis, Opus) and AIFF of
// 8 to 32 bits or float become one channel of floats, and back. What a header says is held against
// the bytes that are there, and memory grows with what is decoded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace latent {

/// Rates that a sound may have, in Hz; between any two of them libsamplerate can convert.
inline constexpr int kLeastRate = 4000, kMostRate = 384000;
/// A sound has at most so many, also at the rate that it is brought to.
inline constexpr int64_t kMostSamples = int64_t{1} << 28;

struct Sound {
  std::vector<float> samples;  // mean of the channels; 1 is full scale, float files may go beyond
  int rate = 0;                // Hz
  int channels = 1;            // that the file had
};

/// What the first bytes say: "WAV", "FLAC", "Ogg", "AIFF", or "" when it is none of them.
std::string_view sound_format(std::span<const std::byte> bytes);

/// DataError naming `path` for another format, a codec that libsndfile has not got, a file cut
/// short, no samples, a sample that is no number, a rate or a number of channels out of range,
/// a sample beyond +-10000, sounds of more than 2^28 samples, and files that unpack to more than
/// 256 samples a byte.
Sound decode_sound(std::span<const std::byte> bytes, const std::string& path);

/// Endings of files that sounds can be written as.
std::vector<std::string> sound_endings();

/// One channel of 16 bits; samples beyond full scale are clipped. UsageError for an ending that is
/// none of sound_endings() (".wav").
std::string encode_sound(std::span<const float> samples, int rate, std::string_view ending);

}  // namespace latent
