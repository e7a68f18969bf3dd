// See about.h.
#include "kernels/about.h"

#include <dnnl.h>
#include <fmt/format.h>
#include <hwy/highway.h>
#include <libxsmm.h>

namespace latent::kernels {

namespace {

const char* onednn_isa() {
  switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_sse41:
      return "sse41";
    case dnnl_cpu_isa_avx:
      return "avx";
    case dnnl_cpu_isa_avx2:
      return "avx2";
    case dnnl_cpu_isa_avx512_core:
      return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16:
      return "avx512_core_bf16";
    case dnnl_cpu_isa_avx512_core_amx:
      return "avx512_core_amx";
    default:
      return "another";
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> library_versions() {
  const dnnl_version_t* v = dnnl_version();
  return {{"oneDNN", fmt::format("{}.{}.{}", v->major, v->minor, v->patch)},
          {"LIBXSMM", LIBXSMM_VERSION},
          {"Highway", fmt::format("{}.{}.{}", HWY_MAJOR, HWY_MINOR, HWY_PATCH)}};
}

std::pair<std::string, std::string> instruction_sets() {
  // Targets are bits, the best the lowest.
  const int64_t all = hwy::SupportedTargets();
  return {hwy::TargetName(all & -all), onednn_isa()};
}

}  // namespace latent::kernels
