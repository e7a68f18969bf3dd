// See about.h.
#include "plan/about.h"

#include "kernels/about.h"

namespace latent {

About about_plans() {
  const auto [loops, products] = kernels::instruction_sets();
  return {kernels::library_versions(), loops, products};
}

}  // namespace latent
