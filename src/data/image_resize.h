// Bringing a picture to the size that rows of a data set have.
#pragma once

#include <string>

#include "data/image.h"

namespace latent {

/// What is done where the shape is another: cut off what stands over in the middle, put black bars
/// beside, or distort.
enum class Fit { crop, pad, stretch };
Fit fit_named(const std::string& name);  ///< UsageError for another name.

/// A picture of exactly height x width pixels and 1 or 3 channels. Each pixel is the mean of the
/// area that it covers where the picture shrinks, and interpolated linearly where it grows, axis by
/// axis; colour becomes grey by ITU-R BT.601 first. The same bits on every thread.
Image fitted(const Image& image, int height, int width, Fit fit, int channels);

}  // namespace latent
