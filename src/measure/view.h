// What measures ask of a model: functions from Expr to Expr, and where its rows come from. A model
// of any type gives itself as a view in one line.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "data/dataset.h"
#include "data/scaling.h"
#include "latent/dist.h"
#include "latent/models.h"
#include "latent/plan.h"

namespace latent::measure {

/// An autoencoder or a VAE as a pair of maps and a likelihood.
struct ModelView {
  int64_t inputs = 0;  // values of a row in model space
  int64_t latent = 0;  // units of the code
  /// [n, inputs] -> posterior [n, latent]; an autoencoder's code is the mean and has no logvar.
  std::function<Gaussian(const Scope&, Arg x)> encode;
  /// [n, latent] -> parameters of the likelihood. Both may ask for labels by the feed "label".
  std::function<Expr(const Scope&, Arg z)> decode;
  Likelihood likelihood;
  /// -log p(z) of codes, [n], where the posterior is one code of a prior of the model's own.
  std::function<Expr(const Scope&, Expr z)> prior_nll = {};
  int64_t classes = 0;  // of the label that both ask for; 0: none

  /// Whether the loss is a negative ELBO: the code has a prior that it pays for. Else it is
  /// -log p(x | code).
  bool is_bound() const;
};

/// UsageError, saying what is missing, for a model without encode, decode or likelihood.
ModelView view_of(const Architecture& model);

/// Rows of a data set in model space.
struct RowSource {
  std::vector<int32_t> rows;  // ids: a row's noise depends on its id, not on its place here
  std::function<void(std::span<const int32_t> rows, float* dst)> read;
  /// Of rows with labels, for a model that is conditioned on them; else empty.
  std::function<void(std::span<const int32_t> rows, int32_t* dst)> labels = {};

  int64_t size() const { return std::ssize(rows); }
  RowSource with(std::vector<int32_t> others) const { return {std::move(others), read, labels}; }
};

/// The labels of rows, where the plan asks for them; UsageError where they have none.
void feed_labels(Plan& plan, const RowSource& source, std::span<const int32_t> rows);

/// The rows of field x, all of them when none are given. The data set must outlive the source.
RowSource rows_of(const Dataset& data, const Scaling& scaling, std::vector<int32_t> rows = {});
/// Rows [n, width] in memory, called 0, 1, ..; the values must outlive the source.
RowSource rows_in(std::span<const float> values, int64_t width);
/// At most `most` of the rows, spread evenly over all.
std::vector<int32_t> evenly(std::vector<int32_t> rows, int64_t most);
RowSource some_rows(const RowSource& all, int64_t most);

}  // namespace latent::measure
