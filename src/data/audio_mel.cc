// Spectra, mel filters and Griffin-Lim; see audio_mel.h.
#include "data/audio_mel.h"

#include <kiss_fftr.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>

#include "base/hash.h"
#include "latent/error.h"

namespace latent {

namespace {

using Complex = std::complex<float>;

// Slaney's scale: 200/3 Hz a mel up to 1 kHz, above 27 mel for each factor of 6.4.
constexpr double kHzPerMel = 200.0 / 3, kLogFromHz = 1000, kLogFromMel = kLogFromHz / kHzPerMel;
double log_step() { return std::log(6.4) / 27; }

// One plan of kissfft and its buffers; a frame in, bins out, or back. No scaling in either.
class Fft {
 public:
  Fft(int size, bool inverse)
      : plan_(kiss_fftr_alloc(size, inverse, nullptr, nullptr),
              [](kiss_fftr_cfg p) { kiss_fftr_free(p); }),
        frame(static_cast<size_t>(size)),
        bins(static_cast<size_t>(size) / 2 + 1) {
    if (!plan_) throw InternalError("kissfft has no plan for " + std::to_string(size) + " samples");
  }
  void forward() {
    kiss_fftr(plan_.get(), frame.data(), reinterpret_cast<kiss_fft_cpx*>(bins.data()));
  }
  void inverse() {
    kiss_fftri(plan_.get(), reinterpret_cast<const kiss_fft_cpx*>(bins.data()), frame.data());
  }

 private:
  std::unique_ptr<kiss_fftr_state, void (*)(kiss_fftr_cfg)> plan_;

 public:
  std::vector<float> frame;
  std::vector<Complex> bins;
};

std::vector<float> hann(int size) {
  std::vector<float> w(static_cast<size_t>(size));
  for (size_t i = 0; i < w.size(); ++i)
    w[i] = static_cast<float>(0.5 - 0.5 * std::cos(2 * M_PI * static_cast<double>(i) / size));
  return w;
}

// A filter's weights between the first and the last bin that it sees.
struct Band {
  size_t first = 0;
  std::span<const float> weights;
};
std::vector<Band> bands_of(std::span<const float> filters, size_t mels, size_t bins) {
  std::vector<Band> bands(mels);
  for (size_t m = 0; m < mels; ++m) {
    const auto row = filters.subspan(m * bins, bins);
    size_t first = 0, end = bins;
    while (first < end && row[first] == 0) ++first;
    while (end > first && row[end - 1] == 0) --end;
    bands[m] = {first, row.subspan(first, end - first)};
  }
  return bands;
}

// Powers of the bins [bins] of one frame whose filtered powers are near `wanted` [mels]: Lee and
// Seung's update for the Kullback-Leibler divergence, which keeps them positive.
std::vector<double> powers_of_bins(const std::vector<Band>& bands,
                                   const std::vector<double>& wanted, size_t bins) {
  constexpr int kRounds = 50;
  std::vector<double> power(bins, 0), reach(bins, 0);
  for (size_t m = 0; m < bands.size(); ++m) {
    double sum = 0;
    for (const float w : bands[m].weights) sum += w;
    for (size_t i = 0; i < bands[m].weights.size(); ++i) {
      reach[bands[m].first + i] += bands[m].weights[i];
      power[bands[m].first + i] += bands[m].weights[i] * wanted[m] / std::max(sum, 1e-30);
    }
  }
  for (size_t b = 0; b < bins; ++b) power[b] /= std::max(reach[b], 1e-30);
  std::vector<double> factor(bins);
  for (int round = 0; round < kRounds; ++round) {
    std::ranges::fill(factor, 0);
    for (size_t m = 0; m < bands.size(); ++m) {
      double now = 0;
      for (size_t i = 0; i < bands[m].weights.size(); ++i)
        now += bands[m].weights[i] * power[bands[m].first + i];
      for (size_t i = 0; i < bands[m].weights.size(); ++i)
        factor[bands[m].first + i] += bands[m].weights[i] * wanted[m] / std::max(now, 1e-30);
    }
    for (size_t b = 0; b < bins; ++b) power[b] *= reach[b] > 0 ? factor[b] / reach[b] : 0;
  }
  return power;
}

// A fixed sequence of angles (SplitMix64).
double angle(uint64_t i) {
  return static_cast<double>(mix64((i + 1) * 0x9e3779b97f4a7c15) >> 11) * 0x1p-53 * 2 * M_PI;
}

}  // namespace

double hz_to_mel(double hz, bool htk) {
  if (htk) return 2595 * std::log10(1 + hz / 700);
  return hz < kLogFromHz ? hz / kHzPerMel : kLogFromMel + std::log(hz / kLogFromHz) / log_step();
}

double mel_to_hz(double mel, bool htk) {
  if (htk) return 700 * (std::pow(10, mel / 2595) - 1);
  return mel < kLogFromMel ? mel * kHzPerMel
                           : kLogFromHz * std::exp(log_step() * (mel - kLogFromMel));
}

std::vector<float> mel_filters(const MelSettings& s) {
  const auto mels = static_cast<size_t>(s.mels), bins = static_cast<size_t>(s.fft) / 2 + 1;
  std::vector<double> edges(mels + 2);  // of the triangles, in Hz
  const double first = hz_to_mel(s.low, s.htk), last = hz_to_mel(s.high, s.htk);
  for (size_t i = 0; i < edges.size(); ++i)
    edges[i] = mel_to_hz(
        first + (last - first) * static_cast<double>(i) / static_cast<double>(mels + 1), s.htk);
  std::vector<float> filters(mels * bins);
  for (size_t m = 0; m < mels; ++m) {
    for (size_t b = 0; b < bins; ++b) {
      const double hz = static_cast<double>(b) * s.rate / s.fft;
      const double up = (hz - edges[m]) / (edges[m + 1] - edges[m]),
                   down = (edges[m + 2] - hz) / (edges[m + 2] - edges[m + 1]);
      filters[m * bins + b] =
          static_cast<float>(std::max(0.0, std::min(up, down)) * 2 / (edges[m + 2] - edges[m]));
    }
  }
  return filters;
}

size_t frames_of(size_t samples, int hop) {
  return (samples + static_cast<size_t>(hop) - 1) / static_cast<size_t>(hop);
}

std::vector<Complex> stft(std::span<const float> x, int fft, int hop) {
  const size_t frames = frames_of(x.size(), hop), half = static_cast<size_t>(fft) / 2;
  const std::vector<float> window = hann(fft);
  Fft transform(fft, false);
  std::vector<Complex> out;
  out.reserve(frames * (half + 1));
  for (size_t f = 0; f < frames; ++f) {
    const size_t centre = f * static_cast<size_t>(hop);
    for (size_t i = 0; i < window.size(); ++i) {
      const size_t at = centre + i;  // half a frame late
      transform.frame[i] = at >= half && at - half < x.size() ? x[at - half] * window[i] : 0;
    }
    transform.forward();
    out.insert(out.end(), transform.bins.begin(), transform.bins.end());
  }
  return out;
}

std::vector<float> inverse_stft(std::span<const Complex> spectrum, int fft, int hop,
                                size_t samples) {
  const size_t frames = frames_of(samples, hop), half = static_cast<size_t>(fft) / 2;
  const std::vector<float> window = hann(fft);
  Fft transform(fft, true);
  std::vector<float> x(samples, 0), weight(samples, 0);
  for (size_t f = 0; f < frames; ++f) {
    std::ranges::copy(spectrum.subspan(f * (half + 1), half + 1), transform.bins.begin());
    transform.inverse();
    const size_t centre = f * static_cast<size_t>(hop);
    for (size_t i = 0; i < window.size(); ++i) {
      const size_t at = centre + i;
      if (at < half || at - half >= samples) continue;
      x[at - half] += transform.frame[i] * window[i] / static_cast<float>(fft);
      weight[at - half] += window[i] * window[i];
    }
  }
  for (size_t i = 0; i < samples; ++i) x[i] = weight[i] > 1e-6F ? x[i] / weight[i] : 0;
  return x;
}

std::vector<float> log_mel(std::span<const float> x, const MelSettings& s) {
  const auto mels = static_cast<size_t>(s.mels), bins = static_cast<size_t>(s.fft) / 2 + 1;
  const std::vector<float> filters = mel_filters(s);
  const std::vector<Band> bands = bands_of(filters, mels, bins);
  const std::vector<Complex> spectrum = stft(x, s.fft, s.hop);
  const size_t frames = frames_of(x.size(), s.hop);
  std::vector<float> db(mels * frames);
  for (size_t f = 0; f < frames; ++f) {
    for (size_t m = 0; m < mels; ++m) {
      double power = 0;
      for (size_t i = 0; i < bands[m].weights.size(); ++i)
        power += static_cast<double>(bands[m].weights[i]) *
                 std::norm(std::complex<double>(spectrum[f * bins + bands[m].first + i]));
      db[m * frames + f] =
          static_cast<float>(std::max(s.floor, 10 * std::log10(std::max(power, 1e-30))));
    }
  }
  return db;
}

std::vector<float> griffin_lim(std::span<const float> db, const MelSettings& s, size_t samples,
                               int iterations) {
  const auto mels = static_cast<size_t>(s.mels), bins = static_cast<size_t>(s.fft) / 2 + 1;
  const size_t frames = frames_of(samples, s.hop);
  const std::vector<float> filters = mel_filters(s);
  const std::vector<Band> bands = bands_of(filters, mels, bins);
  std::vector<float> magnitude(frames * bins);
  std::vector<double> wanted(mels);
  for (size_t f = 0; f < frames; ++f) {
    for (size_t m = 0; m < mels; ++m)  // the floor stands for silence
      wanted[m] = db[m * frames + f] <= s.floor ? 0 : std::pow(10, db[m * frames + f] / 10.0);
    const std::vector<double> power = powers_of_bins(bands, wanted, bins);
    for (size_t b = 0; b < bins; ++b)
      magnitude[f * bins + b] = static_cast<float>(std::sqrt(power[b]));
  }
  constexpr float kMomentum = 0.99F;
  std::vector<Complex> spectrum(frames * bins), before(frames * bins);
  for (size_t i = 0; i < spectrum.size(); ++i)
    spectrum[i] = std::polar(magnitude[i], static_cast<float>(angle(i)));
  for (int round = 0; round < iterations; ++round) {
    std::vector<Complex> next = stft(inverse_stft(spectrum, s.fft, s.hop, samples), s.fft, s.hop);
    for (size_t i = 0; i < next.size(); ++i) {
      const Complex ahead = next[i] + kMomentum * (next[i] - before[i]);
      const float size = std::abs(ahead);
      spectrum[i] = size > 1e-20F ? ahead * (magnitude[i] / size) : Complex(magnitude[i]);
    }
    before = std::move(next);
  }
  return inverse_stft(spectrum, s.fft, s.hop, samples);
}

}  // namespace latent
