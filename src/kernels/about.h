// What the libraries below the kernels are and run with on this CPU, in words.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace latent::kernels {

/// Name and version of each library that computes.
std::vector<std::pair<std::string, std::string>> library_versions();
/// The instruction sets that Highway's loops and oneDNN's products take here: "AVX3_ZEN4",
/// "avx512_core_bf16".
std::pair<std::string, std::string> instruction_sets();

}  // namespace latent::kernels
