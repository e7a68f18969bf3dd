// Between samples and log-mel spectra: the short-time Fourier transform by kissfft, mel filters,
// and back to sound by Griffin and Lim. Numbers are those of librosa 0.11 (power spectra of centred
// frames under a periodic Hann window, zeros beyond the ends, triangular filters of equal area,
// decibels relative to 1); the tests hold them against it.
#pragma once

#include <complex>
#include <cstddef>
#include <span>
#include <vector>

namespace latent {

struct MelSettings {
  int rate = 16000;    // Hz
  int fft = 1024;      // samples of a frame, a power of two
  int hop = 256;       // samples from one frame to the next
  int mels = 64;       // bands
  double low = 0;      // Hz, where the first band begins
  double high = 8000;  // Hz, where the last one ends
  bool htk = false;    // HTK's mel scale, else Slaney's
  double floor = -80;  // dB; what is quieter is this
};

/// Slaney's Auditory Toolbox: linear below 1 kHz, 15 mel there, logarithmic above. HTK: 2595
/// log10(1 + f / 700).
double hz_to_mel(double hz, bool htk);
double mel_to_hz(double mel, bool htk);

/// [mels, fft / 2 + 1]: triangles between neighbouring centres, each of area 1 in Hz (Slaney's
/// normalization, librosa.filters.mel).
std::vector<float> mel_filters(const MelSettings& s);

/// Frame i is centred at sample i hop. ceil(n / hop) frames: librosa's centred ones without the
/// last where hop divides n.
size_t frames_of(size_t samples, int hop);

/// [frames, fft / 2 + 1].
std::vector<std::complex<float>> stft(std::span<const float> x, int fft, int hop);
/// The samples whose transform is nearest to the given one in squared error (Griffin and Lim 1984,
/// eq. 6).
std::vector<float> inverse_stft(std::span<const std::complex<float>> spectrum, int fft, int hop,
                                size_t samples);

/// [mels, frames] in dB: 10 log10 of the filtered power, at least s.floor.
std::vector<float> log_mel(std::span<const float> x, const MelSettings& s);

/// Samples whose log-mel spectrum is near `db` [mels, frames]. Powers of the bins by multiplicative
/// updates (Lee and Seung 2001), phases by `iterations` rounds of the fast Griffin-Lim algorithm
/// (Perraudin et al. 2013, momentum 0.99) from fixed random ones: the same sound every time.
std::vector<float> griffin_lim(std::span<const float> db, const MelSettings& s, size_t samples,
                               int iterations = 60);

}  // namespace latent
