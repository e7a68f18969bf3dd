// How near sounds come back: of samples the scale-invariant signal-to-distortion ratio, of any rows
// of sounds the error of their log-mel spectra.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "data/content.h"

namespace latent::measure {

/// 10 log10(|a s|^2 / |a s - e|^2) in dB, a = <e, s> / |s|^2 (Le Roux et al. 2019, arXiv
/// 1811.02508); means are not taken off. -infinity where s or e is silent, infinity where they are
/// equal up to a factor.
double si_sdr(std::span<const float> s, std::span<const float> e);

struct SoundError {
  int64_t rows = 0;
  double log_mel = 0;            // root of the mean square over all bands and frames, dB
  std::optional<double> si_sdr;  // mean over rows, dB; of rows of samples only
  int64_t silent = 0;            // rows that si_sdr is not defined for, left out of it

  /// "SI-SDR 7.90 dB, mean of 12 windows without 3 that are silent; log-mel error 4.10 dB, root
  /// mean square over 15 windows"
  std::string text() const;
};
/// Of rows and their reconstructions, [n, row] of the content.
SoundError sound_error(const Content& content, std::span<const float> rows,
                       std::span<const float> back);

}  // namespace latent::measure
