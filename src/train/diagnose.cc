// From a model and its data to findings; see latent/diagnosis.h. The rules are in
// measure/diagnosis.
#include <nlohmann/json.hpp>

#include "data/dataset.h"
#include "data/loader.h"
#include "latent/diagnosis.h"
#include "latent/model.h"
#include "latent/train.h"
#include "measure/diagnosis.h"
#include "train/loss_parts.h"
#include "train/options.h"
#include "train/preprocess.h"

namespace latent {

std::vector<Finding> diagnose(const Model& model, const Data& data, const TrainOptions& options) {
  const Scaling& scaling = model.preprocessing().scaling;
  if (!model.architecture().encode) {
    const auto rows = measure::rows_of(data.dataset(), scaling, trained_rows(data, options));
    if (const auto accuracy = discriminator_accuracy(model, data, rows))
      return measure::diagnose_contest(accuracy);
  }
  measure::Evaluator evaluator(measure::view_of(model.architecture()), model.weights(),
                               {.threads = options.threads});
  const measure::RowSource trained =
      measure::rows_of(data.dataset(), scaling, trained_rows(data, options));
  measure::RowSource held;
  if (options.validation_data) {
    held = measure::rows_of(options.validation_data->dataset(), scaling);
  } else {
    held = trained.with(split(data.size(), options.validation, options.seed).validation);
  }
  const auto config = nlohmann::json::parse(model.architecture().config);
  measure::EvidenceOptions o{.beta = config.value("beta", 1.0),
                             .discriminator_accuracy = discriminator_accuracy(model, data, trained),
                             .codebook = codebook_use(model, data, trained)};
  // Models of the catalogue are known to sum what is summed.
  if (model.architecture().name == "custom") {
    const auto parts = parts_of_loss(model, data, trained, {"loss", "reconstruction"});
    if (parts.size() == 2) o.trained = {parts.at("loss"), parts.at("reconstruction")};
  }
  return measure::diagnose(measure::gather_evidence(evaluator, trained, &held, o));
}

}  // namespace latent
