// What a model file says of its model besides the weights: which model, its sizes, and how values
// of the data become inputs. Written as JSON in the file's metadata, with sorted keys, so that the
// same run gives the same bytes.
#pragma once

#include <string>
#include <vector>

#include "latent/models.h"

namespace latent {

struct ModelSpec {
  std::string model = "vae";  // vae or autoencoder
  std::vector<int64_t> hidden = {400};
  int64_t latent = 20;
  std::string likelihood = "bernoulli";  // of a vae
  std::string loss = "mse";              // of an autoencoder
  double beta = 1;
  std::vector<int64_t> row_shape;  // of one row of the data
  double scale = 1, shift = 0;     // input = value * scale + shift

  int64_t inputs() const;
  Loss build_loss(const Scope& s, Expr x) const;
  Expr build_reconstruction(const Scope& s,
                            Expr x) const;  ///< [n, inputs] -> means [n, inputs]; a vae decodes mu
  Expr build_samples(const Scope& s, int64_t n)
      const;  ///< Means of n draws from the prior; UsageError for an autoencoder

  std::string json() const;
  /// Throws DataError naming `path` when a field is missing, unknown or out of range.
  static ModelSpec from_json(const std::string& text, const std::string& path);

 private:
  Vae vae() const;
  Autoencoder autoencoder() const;
};

}  // namespace latent
