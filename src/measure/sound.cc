// SI-SDR and log-mel error; see sound.h.
#include "measure/sound.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/words.h"
#include "data/audio.h"

namespace latent::measure {

double si_sdr(std::span<const float> s, std::span<const float> e) {
  double product = 0, power = 0;
  for (size_t i = 0; i < s.size(); ++i) {
    product += static_cast<double>(s[i]) * e[i];
    power += static_cast<double>(s[i]) * s[i];
  }
  const double a = power > 0 ? product / power : 0;
  double noise = 0;
  for (size_t i = 0; i < s.size(); ++i) {
    const double d = a * s[i] - e[i];
    noise += d * d;
  }
  if (a == 0) return -std::numeric_limits<double>::infinity();
  return 10 * std::log10(a * a * power / noise);
}

SoundError sound_error(const Content& content, std::span<const float> rows,
                       std::span<const float> back) {
  const AudioSettings a = audio_settings(content);
  const auto width = static_cast<size_t>(a.row().elements());
  SoundError error;
  double squares = 0, sum = 0;
  int64_t values = 0, defined = 0;
  for (size_t at = 0; at < rows.size(); at += width) {
    const auto s = rows.subspan(at, width), e = back.subspan(at, width);
    ++error.rows;
    if (!a.logmel) {
      const double ratio = si_sdr(s, e);
      if (std::isfinite(ratio))
        sum += ratio, ++defined;
      else
        ++error.silent;
    }
    const auto spectrum = [&](std::span<const float> x) {
      return a.logmel ? std::vector<float>(x.begin(), x.end()) : log_mel(x, a.mel);
    };
    const std::vector<float> from = spectrum(s), to = spectrum(e);
    for (size_t i = 0; i < from.size(); ++i) {
      const double d = static_cast<double>(from[i]) - to[i];
      squares += d * d;
      ++values;
    }
  }
  error.log_mel = std::sqrt(squares / static_cast<double>(std::max<int64_t>(values, 1)));
  if (!a.logmel && defined > 0) error.si_sdr = sum / static_cast<double>(defined);
  return error;
}

std::string SoundError::text() const {
  std::string text;
  if (si_sdr)
    text = fmt::format(
        "SI-SDR {:.2f} dB, mean of {}{}; ", *si_sdr, counted(rows - silent, "window"),
        silent ? fmt::format(" without {} that {} silent", silent, silent == 1 ? "is" : "are")
               : "");
  return text + fmt::format("log-mel error {:.2f} dB, root mean square over {}", log_mel,
                            counted(rows, "window"));
}

}  // namespace latent::measure
