// See about.h.
#include "kernels/about.h"

#include <dnnl.h>
#include <fmt/format.h>
#include <hwy/highway.h>
#include <libxsmm.h>

namespace latent::kernels {

namespace {

const char* onednn_isa() {
  constexpr std::pair<unsigned, const char*> kNames[] = {
      {dnnl_cpu_isa_sse41, "sse41"},
      {dnnl_cpu_isa_avx, "avx"},
      {dnnl_cpu_isa_avx2, "avx2"},
      {dnnl_cpu_isa_avx512_core, "avx512_core"},
      {dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni"},
      {dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16"},
      {dnnl_cpu_isa_avx512_core_amx, "avx512_core_amx"}};
  for (const auto& [isa, name] : kNames) {
    if (isa == static_cast<unsigned>(dnnl_get_effective_cpu_isa())) return name;
  }
  return "another";
}

}  // namespace

EngineInfo engine_info() {
  const dnnl_version_t* v = dnnl_version();
  const int64_t targets = hwy::SupportedTargets();  // bits, the best the lowest
  return {{{"oneDNN", fmt::format("{}.{}.{}", v->major, v->minor, v->patch)},
           {"LIBXSMM", LIBXSMM_VERSION},
           {"Highway", fmt::format("{}.{}.{}", HWY_MAJOR, HWY_MINOR, HWY_PATCH)}},
          hwy::TargetName(targets & -targets),
          onednn_isa()};
}

}  // namespace latent::kernels
