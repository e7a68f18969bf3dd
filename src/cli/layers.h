// The table of a model's layers, for people and for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "latent/stack.h"

namespace latent::cli {

/// A list of {scope, layer, output, parameters, multiply_adds}.
nlohmann::json layers_json(const std::vector<LayerInfo>& layers);
void print_layers(const std::vector<LayerInfo>& layers);

}  // namespace latent::cli
