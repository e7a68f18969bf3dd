// Parts of the loss that a trained model minimizes, computed as an evaluation does: what a
// diagnosis compares with the measures, and where it finds how a discriminator fares.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "latent/data.h"
#include "latent/model.h"
#include "measure/evidence.h"
#include "measure/view.h"

namespace latent {

/// Those of `names` that the model's loss has, "loss" being the total, over at most 256 of the
/// rows. `training`: as a step of training has them. A loss without any is traced and no more.
std::map<std::string, double> parts_of_loss(const Model& model, const Data& data,
                                            const measure::RowSource& rows,
                                            const std::vector<std::string>& names,
                                            bool training = false);

/// The part discriminator_accuracy, where there is one, as of a step of training: a batch norm that
/// judges made rows by the running statistics of real ones would make it another quantity.
std::optional<double> discriminator_accuracy(const Model& model, const Data& data,
                                             const measure::RowSource& rows);

/// How many codes a model with a codebook has and uses: `codes` and `quantizers` of its config, and
/// the parts perplexity and least_perplexity.
std::optional<measure::CodebookUse> codebook_use(const Model& model, const Data& data,
                                                 const measure::RowSource& rows);

}  // namespace latent
