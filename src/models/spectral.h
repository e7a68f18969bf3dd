// A loss on the spectra of sounds as graph ops: products with constant matrices, so that it fuses,
// plans and differentiates like any other.
#pragma once

#include "latent/ops.h"

namespace latent::models {

/// Multi-resolution STFT loss of Yamamoto et al. 2020 (arXiv 1910.11480) between samples x and y
/// [n, samples], a scalar: for frames of 512, 256 and 128 samples under a Hann window, every
/// quarter of a frame, zeros beyond the ends, |X - Y| / |X| (Frobenius norms over the batch) plus
/// the mean of |log |X| - log |Y||; averaged over the three. Powers are raised by 1e-3, so that
/// silence counts as silence. UsageError for fewer than 512 samples.
Expr spectral_loss(const Arg& x, const Arg& y);

/// |STFT| [n, frames, size / 2 + 1] of it; size is a multiple of 4.
Expr spectral_magnitude(const Arg& x, int64_t size);

}  // namespace latent::models
