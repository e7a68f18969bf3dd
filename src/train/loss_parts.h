// The loss that a trained model minimizes, computed as an evaluation does: what a diagnosis
// compares with the measures, and where it finds how a discriminator fares.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "latent/data.h"
#include "latent/model.h"
#include "measure/view.h"

namespace latent {

/// The model's loss over at most 256 of the rows, as "loss", and its parts by name.
std::map<std::string, double> parts_of_loss(const Model& model, const Data& data,
                                            const measure::RowSource& rows);

/// The part called discriminator_accuracy, where there is one.
inline std::optional<double> discriminator_accuracy(const std::map<std::string, double>& parts) {
  const auto found = parts.find("discriminator_accuracy");
  return found == parts.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace latent
