// The embedded data set: 1,797 handwritten digits, small and real, so that every command works
// without a download.
#pragma once

#include "latent/tensor.h"

namespace latent {

Tensor digits_images();  ///< u8 [1797,8,8], values 0 to 16.
Tensor digits_labels();  ///< i32 [1797], 0 to 9.

}  // namespace latent
