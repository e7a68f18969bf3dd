// How stored values become what a model sees, and back: value * scale + shift, one pair for all
// values of a row or one a column. Chosen from the data, kept in the model file, undone on output.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace latent {

enum class ScalingKind : uint8_t { none, minmax, standardize };

const char* name_of(ScalingKind kind);
/// Inverse of name_of; UsageError with the nearest name.
ScalingKind scaling_named(const std::string& name);

struct Scaling {
  ScalingKind kind = ScalingKind::none;
  std::vector<double> scale = {1}, shift = {0};  // one element, or one a value of a row
  std::string reason;                            // why this one, for people

  bool is_uniform() const { return scale.size() == 1; }
  /// Data space to model space, in place; values is any number of whole rows. The arithmetic is
  /// double, rounded once.
  void apply(std::span<float> values) const;
  /// Model space to data space.
  void undo(std::span<float> values) const;
};

/// Scaling of the field, computed from `rows` (none: all; give the training rows, so that nothing
/// of held-out rows enters). minmax goes to [0, 1], standardize to mean 0 and variance 1. Pictures
/// have one pair, the least value being 0 where none is negative and the greatest 255 where the
/// values are those of bytes; tables have one pair a column. A column that does not vary is shifted
/// to 0 and keeps its scale of 1; the reason names it. UsageError when there are no rows, DataError
/// naming the row of a value that is not finite.
Scaling make_scaling(ScalingKind kind, const Dataset& data, std::string_view field,
                     std::span<const int32_t> rows = {});
/// The kind that suits the field: none for values in [0, 1], minmax for pictures, standardize for
/// tables. Tables are rows of one axis, except bytes and rows of 64 or more whole numbers within
/// 0..255 that pass 127, which are pictures laid out flat; a table with named columns of real
/// numbers is standardized also when these lie in [0, 1].
Scaling choose_scaling(const Dataset& data, std::string_view field,
                       std::span<const int32_t> rows = {});

/// A likelihood of latent/dist.h by its name, and why.
struct LikelihoodChoice {
  std::string name, reason;
};
/// The default likelihood of scaled values: bernoulli for two values, 0 and 1, and for grey values
/// in [0, 1] (there a bound and no density, and the reason says so), gaussian_optimal for the rest
/// and for sounds: of spectra it gives twice the fidelity (docs/audio.md).
LikelihoodChoice choose_likelihood(const Dataset& data, std::string_view field,
                                   const Scaling& scaling);

/// UsageError, naming the first place, when a value of `rows` (none: all) lies outside [0, 1] after
/// scaling and the likelihood is one that has no place for it: bernoulli, continuous_bernoulli,
/// discretized_logistic and its mixture.
void check_likelihood(const std::string& likelihood, const Dataset& data, std::string_view field,
                      const Scaling& scaling, std::span<const int32_t> rows = {});

}  // namespace latent
