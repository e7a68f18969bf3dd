// Resampling, trimming and loudness; see audio_signal.h.
#include "data/audio_signal.h"

#include <samplerate.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "latent/error.h"

namespace latent {

namespace {

double power_of(std::span<const float> x) {
  double sum = 0;
  for (const float v : x) sum += static_cast<double>(v) * v;
  return x.empty() ? 0 : sum / static_cast<double>(x.size());
}

// A second-order filter (b0 + b1/z + b2/z^2) / (1 + a1/z + a2/z^2), transposed form II.
struct Biquad {
  double b0, b1, b2, a1, a2, s1 = 0, s2 = 0;
  double operator()(double x) {
    const double y = b0 * x + s1;
    s1 = b1 * x - a1 * y + s2;
    s2 = b2 * x - a2 * y;
    return y;
  }
};

// The two filters of BS.1770, which the standard gives at 48 kHz, as analogue prototypes brought to
// any rate by the bilinear transform; the constants give the standard's numbers there.
Biquad head_shelf(int rate) {
  const double k = std::tan(M_PI * 1681.974450955533 / rate), q = 0.7071752369554196;
  const double vh = std::pow(10, 3.999843853973347 / 20), vb = std::pow(vh, 0.4996667741545416);
  const double a0 = 1 + k / q + k * k;
  return {(vh + vb * k / q + k * k) / a0, 2 * (k * k - vh) / a0, (vh - vb * k / q + k * k) / a0,
          2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0};
}
Biquad high_pass(int rate) {
  const double k = std::tan(M_PI * 38.13547087602444 / rate), q = 0.5003270373238773;
  const double a0 = 1 + k / q + k * k;
  return {1, -2, 1, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0};
}

double lufs(double power) { return -0.691 + 10 * std::log10(power); }

// The mean of the block powers above a gate; 0 when there is none.
double gated(const std::vector<double>& powers, double gate) {
  double sum = 0, count = 0;
  for (const double p : powers) {
    if (p > 0 && lufs(p) > gate) sum += p, ++count;
  }
  return count > 0 ? sum / count : 0;
}

}  // namespace

std::vector<float> resampled(std::span<const float> x, int from, int to) {
  if (from == to) return {x.begin(), x.end()};
  const double ratio = static_cast<double>(to) / from;
  std::vector<float> y((x.size() * static_cast<size_t>(to) + static_cast<size_t>(from) - 1) /
                       static_cast<size_t>(from));
  SRC_DATA job{.data_in = x.data(),
               .data_out = y.data(),
               .input_frames = static_cast<long>(x.size()),
               .output_frames = static_cast<long>(y.size()),
               .src_ratio = ratio};
  if (const int error = src_simple(&job, SRC_SINC_MEDIUM_QUALITY, 1))
    throw InternalError(std::string("libsamplerate: ") + src_strerror(error));
  return y;  // where the library ends a sample early, zeros stand
}

std::span<const float> trimmed(std::span<const float> x, int rate, double below_db) {
  const auto frame = std::max<size_t>(1, static_cast<size_t>(rate) / 40),
             hop = std::max<size_t>(1, static_cast<size_t>(rate) / 100);
  std::vector<double> powers;
  for (size_t at = 0; at < x.size(); at += hop)
    powers.push_back(power_of(x.subspan(at, std::min(frame, x.size() - at))));
  const double loudest = powers.empty() ? 0 : *std::ranges::max_element(powers);
  if (loudest <= 0) return {};
  const auto loud = [&](double p) { return p >= loudest * std::pow(10, -below_db / 10); };
  const auto first = std::ranges::find_if(powers, loud) - powers.begin();
  const auto last =
      std::ranges::find_if(powers.rbegin(), powers.rend(), loud).base() - powers.begin() - 1;
  const size_t begin = static_cast<size_t>(first) * hop;
  const size_t end = std::min(x.size(), static_cast<size_t>(last) * hop + frame);
  return x.subspan(begin, end - begin);
}

double loudness(std::span<const float> x, int rate) {
  Biquad shelf = head_shelf(rate), pass = high_pass(rate);
  std::vector<double> squares(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const double y = pass(shelf(x[i]));
    squares[i] = y * y;
  }
  const size_t block = std::min(x.size(), static_cast<size_t>(0.4 * rate));
  const size_t hop = std::max<size_t>(1, static_cast<size_t>(0.1 * rate));
  std::vector<double> powers;
  for (size_t at = 0; block > 0 && at + block <= x.size(); at += hop) {
    double sum = 0;
    for (size_t i = at; i < at + block; ++i) sum += squares[i];
    powers.push_back(sum / static_cast<double>(block));
  }
  const double absolute = gated(powers, -70);
  if (absolute <= 0) return -std::numeric_limits<double>::infinity();
  return lufs(gated(powers, lufs(absolute) - 10));
}

}  // namespace latent
