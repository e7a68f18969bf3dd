// What plans run on here, for people: libraries, instruction sets.
#pragma once

#include "kernels/about.h"

namespace latent {

using kernels::engine_info;
using kernels::EngineInfo;

}  // namespace latent
