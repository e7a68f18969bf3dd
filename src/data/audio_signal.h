// What is done to a sound's samples before they become rows: another rate, silence taken off the
// ends, one loudness.
#pragma once

#include <span>
#include <vector>

namespace latent {

/// ceil(n to / from) samples, by libsamplerate's band-limited interpolation (SRC_SINC_MEDIUM: 90 %
/// of the band, noise at -121 dB). Rates within audio_file.h's range.
std::vector<float> resampled(std::span<const float> x, int from, int to);

/// x without what lies before the first and after the last frame (25 ms, every 10 ms) whose power
/// is at most `below_db` under that of the loudest. Empty when all samples are 0.
std::span<const float> trimmed(std::span<const float> x, int rate, double below_db);

/// Integrated loudness by ITU-R BS.1770-4 in LUFS: K-weighting, blocks of 400 ms that overlap by
/// three quarters, gates at -70 LUFS and 10 LU under the mean. A shorter sound is one block.
/// -infinity when nothing passes the gates.
double loudness(std::span<const float> x, int rate);

}  // namespace latent
