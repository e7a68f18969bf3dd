// The table of training options; see options.h.
#include "train/options.h"

#include <algorithm>

#include "data/augment.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "ops/uses.h"
#include "train/batch.h"
#include "train/corrupt.h"

namespace latent {

const std::vector<BoundField<TrainOptions>>& train_fields() {
  using O = TrainOptions;
  static const std::vector<BoundField<O>> fields = {
      bind_field("epochs", &O::epochs, "passes over the data", {1, 1e9}),
      bind_field("batch", &O::batch, "rows of a step", {1, 1 << 24}),
      bind_field("lr", &O::rate, "Adam's rate", {1e-12, 1e3}),
      bind_field("schedule", &O::schedule, "of the rate: constant, or cosine to 0 at the end", {},
                 {"constant", "cosine"}),
      bind_field("clip_norm", &O::clip_norm, "bound of the gradient's norm; 0: none", {0, 1e12}),
      bind_field("patience", &O::patience,
                 "stop after so many epochs without a better validation, once a warm-up is over; "
                 "0: never",
                 {0, 1e9}),
      bind_field("encoder_steps", &O::encoder_steps,
                 "steps of the encoder alone before each step of all, until what held-out codes "
                 "tell of their rows stops growing; 0: none",
                 {0, 1000}),
      bind_field("average", &O::average, "decay of the weights' moving average; 0: none",
                 {0, 0.9999999}),
      bind_field("seed", &O::seed, "of weights, order, noise and hold-out", {0, 9007199254740992}),
      bind_field("dtype", &O::dtype, "of products", {}, {"f32", "bf16"}),
      bind_field("freeze", &O::freeze, "scopes whose parameters stay as they are, as encoder"),
      bind_field("augment", &O::augment,
                 "pictures are changed anew in each epoch: flip, flip-vertical, shift=N, crop=F"),
      bind_field("corrupt", &O::corrupt,
                 "the encoder sees rows damaged anew in each step: gaussian=S, salt=F, mask=F, "
                 "block=F"),
      bind_field("scaling", &O::scaling, "of the data", {},
                 {"auto", "none", "minmax", "standardize"}),
  };
  return fields;
}

void check_options(const TrainOptions& o, int64_t rows) {
  config_to_json(train_fields(), o);
  if (!(o.validation >= 0 && o.validation < 1)) {
    throw UsageError("validation holds out a fraction from 0 to under 1, found " +
                     std::to_string(o.validation));
  }
  if (o.batch > rows) {
    throw UsageError("a batch of " + std::to_string(o.batch) +
                     " rows was asked for, but there are " + std::to_string(rows) +
                     " to train on; use --batch " + std::to_string(rows) + " or fewer");
  }
  if (o.patience > 0 && o.validation == 0 && !o.validation_data) {
    throw UsageError("patience needs a validation; hold out a fraction or give a file");
  }
  if (o.encoder_steps > 0 && o.validation == 0 && !o.validation_data) {
    throw UsageError(
        "encoder_steps needs a validation, whose codes tell when to end; hold out a fraction or "
        "give a file");
  }
}

std::vector<int32_t> trained_rows(const Data& data, const TrainOptions& o) {
  return split(data.size(), o.validation_data ? 0.0 : o.validation, o.seed).train;
}

namespace {

/// UsageError where a model that is conditioned on labels cannot have them from the data.
void check_labels(int64_t classes, const Data& data) {
  if (classes == 0) return;
  if (!data.dataset().labelled()) {
    throw UsageError("the model is conditioned on labels, which " + data.name() +
                     " has not; give --label COLUMN of a CSV file, or --label FILE with one number "
                     "a row (and hold out a fraction to validate on, which has labels too)");
  }
  const std::span<const int32_t> labels = data.dataset().field("label").values.span<int32_t>();
  const auto wrong = std::ranges::find_if(
      labels, [classes](int32_t label) { return label < 0 || label >= classes; });
  if (wrong == labels.end()) return;
  throw UsageError("row " + std::to_string(wrong - labels.begin()) + " of " + data.name() +
                   " has the label " + std::to_string(*wrong) +
                   ", the model has the classes 0 to " + std::to_string(classes - 1));
}

/// UsageError where rows are to be damaged and nothing of the model would see it.
void check_corrupted(const Architecture& a, const Data& data) {
  Graph g;
  Batch batch = declare_batch(g, 2, a.inputs, data.dataset());
  batch.seen = g.feed("seen", batch.x.shape());
  a.loss(Scope(g, true), batch);
  if (is_used(g, batch.seen)) return;
  throw UsageError("--corrupt damages what the encoder sees, but " +
                   (!a.encode ? "the model " + a.name + " has no encoder"
                    : a.writer
                        ? "the model " + a.name +
                              " reads numbers of tokens, which mean nothing when they are "
                              "changed a little; --word-dropout hides tokens from its writer"
                        : "the loss of the model " + a.name + " never asks for Batch::input()"));
}

/// UsageError where a conditional model would take the same number for two classes.
void check_classes(const Data& data, const Data& other) {
  const auto &own = data.dataset().classes(), &others = other.dataset().classes();
  if (own == others) return;
  throw UsageError("labels are texts, numbered in their order, and " + other.name() +
                   " has others than " + data.name() +
                   ": the same text must be in both, or write labels as numbers");
}

}  // namespace

void check_request(const Architecture& a, const Data& data, const TrainOptions& o) {
  if (data.size() == 0) throw UsageError("the data set " + data.name() + " has no rows");
  if (data.row_elements() != a.inputs) {
    throw UsageError("the model is for rows of " + std::to_string(a.inputs) + " values, those of " +
                     data.name() + " are " + data.row_shape().text());
  }
  check_options(o, std::ssize(trained_rows(data, o)));
  [[maybe_unused]] const Augment checked(o.augment, data.row_shape(), o.seed);
  check_corruption(o.corrupt, data.row_shape());
  check_labels(a.classes, data);
  if (!o.corrupt.empty()) check_corrupted(a, data);
  if (o.validation_data) check_labels(a.classes, *o.validation_data);
  if (o.validation_data && a.classes > 0) check_classes(data, *o.validation_data);
  if (o.validation_data && !(o.validation_data->row_shape() == data.row_shape())) {
    throw UsageError("rows to validate on are " + o.validation_data->row_shape().text() +
                     ", those to train on " + data.row_shape().text());
  }
}

bool depends_on_total(const TrainOptions& o) { return o.schedule != "constant"; }

}  // namespace latent
