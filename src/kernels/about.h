// What the libraries below the kernels are and run with on this CPU, in words.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace latent::kernels {

struct EngineInfo {
  std::vector<std::pair<std::string, std::string>> libraries;  // that compute: name, version
  /// Instruction sets that Highway's loops and oneDNN's products take here: "AVX3_ZEN4",
  /// "avx512_core_bf16".
  std::string loops, products;
};
EngineInfo engine_info();

}  // namespace latent::kernels
