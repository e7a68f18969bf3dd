// The build and the CPU in one line. Bits of results are promised for one build on one type of CPU,
// so a run folder keeps this line and a resume under another one warns.
#pragma once

#include <string>

namespace latent {

/// "latent 0.1.0, g++ 12.2.0, AMD EPYC 7763 64-Core Processor": no host, no time.
std::string machine_line();

}  // namespace latent
