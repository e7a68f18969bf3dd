// What a Model holds: see latent/model.h. Executors are made when every other one is in use.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "latent/model.h"
#include "train/model_file.h"

namespace latent {

/// Plans over a copy of the weights, for one caller at a time.
class Executor {
 public:
  /// `seed` is that of the noise of `draw`.
  Executor(const Architecture& architecture, const Slots& weights, int threads, uint64_t seed);
  /// prior takes temperatures [rows, 1]. `labels`: one a row where the model takes them.
  enum class Function { encode, logvar, decode, reconstruct, draw, prior };
  /// `rows` of the function's input; the output's rows, scaled. `scaling` is that of inputs which
  /// are not scaled yet.
  std::vector<float> run(Function f, std::span<const float> in, int64_t rows,
                         std::span<const int32_t> labels = {}, const Scaling* scaling = nullptr);

 private:
  PlanFamily& family(Function f);
  const Architecture& architecture_;
  Slots slots_;
  int threads_;
  std::map<Function, PlanFamily> families_;
};

struct Model::Impl {
  Architecture architecture;
  Preprocessing preprocessing;
  Slots weights;
  int threads = 1;

  /// The number of rows of `width` in `in`; UsageError when it is not whole.
  int64_t rows_in(std::span<const float> in, int64_t width) const;
  /// Codes are taken as they are, rows of data in the data's own units.
  std::vector<float> run(Executor::Function f, std::span<const float> in, int64_t width,
                         std::span<const int32_t> labels) const;
  /// One label for each of the rows; UsageError where they are too many, too few, or no classes.
  std::vector<int32_t> labels_of(std::span<const int32_t> labels, int64_t rows) const;
  bool has_posterior() const;  // the code is a distribution, and the prior N(0, I)

  mutable std::mutex mutex;  // of idle; held only to take and to give back
  mutable std::vector<std::unique_ptr<Executor>> idle;
};

/// Makes a model of weights by name; UsageError or DataError (with `path`) when one is missing or
/// of another shape than the architecture declares.
Model make_model(const Architecture& architecture, const Preprocessing& preprocessing,
                 std::map<std::string, Tensor> weights, int threads, const std::string& path);

}  // namespace latent
