// What a chain moves between memory and its tiles, for `explain` and the test of the fuser.
#pragma once

#include "kernels/fused.h"

namespace latent::kernels {

Traffic traffic_of(const FusedProgram& program);

}  // namespace latent::kernels
