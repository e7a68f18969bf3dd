// See layers.h.
#include "cli/layers.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/help.h"

namespace latent::cli {

nlohmann::json layers_json(const std::vector<LayerInfo>& layers) {
  nlohmann::json list = nlohmann::json::array();
  for (const LayerInfo& l : layers) {
    list.push_back({{"scope", l.scope},
                    {"layer", l.layer},
                    {"output", std::vector<int64_t>(l.output.begin(), l.output.end())},
                    {"parameters", l.parameters},
                    {"multiply_adds", l.multiply_adds}});
  }
  return list;
}

void print_layers(const std::vector<LayerInfo>& layers) {
  size_t scope = 5, layer = 5;
  for (const LayerInfo& l : layers) {
    scope = std::max(scope, l.scope.size());
    layer = std::max(layer, l.layer.size());
  }
  const auto line = [&](const std::string& s, const std::string& l, const std::string& output,
                        const auto& parameters, const auto& work) {
    tell(fmt::format("{:<{}}  {:<{}}  {:>12}  {:>10}  {:>13}\n", s, scope, l, layer, output,
                     parameters, work));
  };
  line("scope", "layer", "output", "parameters", "multiply-adds");
  int64_t parameters = 0, work = 0;
  for (const LayerInfo& l : layers) {
    line(l.scope, l.layer, l.output.text(), l.parameters, l.multiply_adds);
    parameters += l.parameters;
    work += l.multiply_adds;
  }
  line("all", "", "", parameters, work);
}

}  // namespace latent::cli
