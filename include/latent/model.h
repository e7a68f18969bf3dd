// A trained model: weights, the functions that they are for, and how values of the data become
// inputs. Everything here takes and gives values as the data hold them: scaling is applied on the
// way in and undone on the way out.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "latent/data.h"
#include "latent/models.h"
#include "latent/plan.h"

namespace latent {

struct Preprocessing;

/// A handle, copied freely. Its functions may be called from any number of threads at once: each
/// call takes an executor (plans and a copy of the weights) from a pool and gives it back, so the
/// memory grows with the largest number of calls at one time. Rows are computed in pieces of at
/// most 256; a row's result depends on nothing but itself (and, in its last bits, on the size of
/// its piece).
class LATENT_API Model {
 public:
  struct Impl;
  explicit Model(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

  const Architecture& architecture() const;
  Shape row_shape() const;  ///< Of one row of the data that it was trained on.
  int64_t inputs() const { return architecture().inputs; }  ///< Values of one row.
  int64_t latent() const { return architecture().latent; }  ///< Units of the code.

  /// Codes [n, latent] of rows [n, inputs]: the posterior's mean of a VAE. Here and below:
  /// UsageError when the values are no whole number of rows, or the model has no such function.
  /// `labels`: of a model that is conditioned on them (architecture().classes > 0) and of no other,
  /// one for each row, or one for all.
  std::vector<float> encode(std::span<const float> rows,
                            std::span<const int32_t> labels = {}) const;
  /// Log-variances [n, latent] of the posterior; UsageError for a model without.
  std::vector<float> encode_logvar(std::span<const float> rows,
                                   std::span<const int32_t> labels = {}) const;
  /// Means of the data [n, inputs] given codes [n, latent].
  std::vector<float> decode(std::span<const float> codes,
                            std::span<const int32_t> labels = {}) const;
  /// decode(encode(rows)), [n, inputs].
  std::vector<float> reconstruct(std::span<const float> rows,
                                 std::span<const int32_t> labels = {}) const;
  /// Codes [n, latent] drawn from the prior N(0, I), times `temperature`, or from the model's own,
  /// its logits divided by it. Draw i of a seed is the same for any n. UsageError for a model
  /// without a prior.
  std::vector<float> prior(int64_t n, uint64_t seed = 1, double temperature = 1) const;
  /// decode(prior(n, seed)): means of the data [n, inputs].
  std::vector<float> sample(int64_t n, uint64_t seed = 1,
                            std::span<const int32_t> labels = {}) const;
  /// Data [n, inputs] drawn from the likelihood given codes [n, latent], noise and all; row i of a
  /// seed has the same noise for any n. UsageError for gaussian_optimal, whose sigma is a property
  /// of a batch and not of the model.
  std::vector<float> draw(std::span<const float> codes, uint64_t seed = 1,
                          std::span<const int32_t> labels = {}) const;

  /// Rows of a data set as this model reads them: files of pictures, text or sound become rows just
  /// as those that it was trained on. As Data::open; UsageError when rows have other shapes.
  /// `skip_bad`: files that cannot be read are left out and named in the data set's notes.
  /// `beside`: the label was given for other data, which these stand beside: a file of labels is
  /// not theirs, and a table without that column has none.
  Data open(const std::string& spec, const std::string& label = "", bool skip_bad = false,
            bool beside = false) const;

  /// Values of the data to inputs of the functions of architecture(), in place.
  void scale(std::span<float> rows) const;
  const Preprocessing& preprocessing() const;
  /// Weights by name, without optimizer state.
  const Slots& weights() const;
  /// Writes weights, architecture and scaling as one safetensors file.
  void save(const std::string& path) const;

 private:
  std::shared_ptr<const Impl> impl_;
};

/// Reads a model of the catalogue from a file or a run folder (its best weights, else its last).
/// `threads` is that of each call; 0: all CPUs. DataError when the file is no model of latent.
LATENT_API Model load(const std::string& path, int threads = 1);
/// Reads the weights of a model that is not in the catalogue; its functions come from
/// `architecture`.
LATENT_API Model load(const std::string& path, const Architecture& architecture, int threads = 1);

}  // namespace latent
