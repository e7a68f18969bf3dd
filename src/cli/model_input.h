// What verbs that use a model share: opening it, opening rows that fit it, and walking these in
// pieces.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cli/flags.h"
#include "latent/data.h"
#include "latent/error.h"
#include "latent/model.h"

namespace latent::cli {

/// A model file that cannot be used: exit code 4.
class BadModel : public Error {
 public:
  using Error::Error;
};

struct ModelFlags {
  std::string path;
  int64_t threads = 0;
};
/// Adds MODEL and --threads.
void add_model_flags(Flags& flags, ModelFlags& model);
/// The model of a run folder, or of a model file. BadModel for a file that is none; SystemError,
/// with the near miss in its folder, when there is no such path.
Model open_model(const ModelFlags& flags);
/// Names of the values of a row, for the head of a CSV file: those of the table that the model was
/// trained on, else x1, x2, ..
std::vector<std::string> value_names(const Model& model);
/// One line about it on standard error, before the data are read.
void tell_model(const ModelFlags& flags, const Model& model);
/// `path`, or within a run folder the file of its model, once it is known to exist.
std::string model_file(const std::string& path);

struct DataFlags {
  std::string spec, label;
  bool skip_bad = false;
};
/// What DATA and --label may be, for the help of every verb.
std::string data_help();
std::string label_help();
/// Adds DATA, --label and --skip-bad.
void add_data_flags(Flags& flags, DataFlags& data, bool required = true);
/// Rows as the model reads them, and their notes on standard error.
Data open_rows(const DataFlags& flags, const Model& model);

/// Rows of a second file, whose labels come from the same column or folder as those of DATA; a file
/// of labels is of DATA alone.
Data open_beside(const DataFlags& flags, const std::string& spec, const Model& model);

/// What reading the data changed or left out, on standard error.
void tell_notes(const Data& data);

/// Labels of rows of the data for a model that is conditioned on them: `count` from `first` on, -1:
/// to the end. None for another model; UsageError where the data have none.
std::vector<int32_t> labels_for(const Model& model, const Data& data, int64_t first = 0,
                                int64_t count = -1);
/// The same of single rows.
std::vector<int32_t> labels_at(const Model& model, const Data& data,
                               const std::vector<int64_t>& rows);
/// Of a flag: "" none, or numbers separated by commas, which rows take in turn.
std::vector<int32_t> labels_in_turn(const std::string& text, const char* flag, int64_t rows);

/// Calls f with the values of all rows in order, [some rows, inputs], as the data hold them.
void for_pieces(const Data& data, const std::function<void(std::span<const float> rows)>& f);
/// f of every row, in order, one after another.
std::vector<float> map_rows(const Data& data,
                            const std::function<std::vector<float>(std::span<const float>)>& f);
/// The same of rows and their labels_for().
using MapLabelled =
    std::function<std::vector<float>(std::span<const float>, std::span<const int32_t>)>;
std::vector<float> map_rows(const Model& model, const Data& data, const MapLabelled& f);

}  // namespace latent::cli
