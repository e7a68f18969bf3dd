// From a model and its data to findings; see latent/diagnosis.h. The rules are in
// measure/diagnosis.
#include <algorithm>
#include <map>
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
  measure::Evaluator evaluator(measure::view_of(model.architecture()), model.weights(),
                               {.threads = options.threads});
  const measure::RowSource trained =
      measure::rows_of(data.dataset(), scaling, trained_rows(data, options));
  measure::RowSource held;
  if (options.validation_data) {
    held = measure::rows_of(options.validation_data->dataset(), scaling);
  } else {
    held = {split(data.size(), options.validation, options.seed).validation, trained.read};
  }
  const auto config = nlohmann::json::parse(model.architecture().config);
  measure::EvidenceOptions o{.beta = config.value("beta", 1.0)};
  const std::map<std::string, double> parts = parts_of_loss(model, data, trained);
  // Models of the catalogue are known to sum what is summed.
  if (model.architecture().name == "custom" && parts.contains("reconstruction"))
    o.trained = {parts.at("loss"), parts.at("reconstruction")};
  o.discriminator_accuracy = discriminator_accuracy(parts);
  return measure::diagnose(measure::gather_evidence(evaluator, trained, &held, o));
}

}  // namespace latent
