// The autoencoder and the variational autoencoder as models: a config and functions from Expr to
// Expr. Any struct with such functions is a model; these two are what `latent train` builds.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "latent/dist.h"
#include "latent/graph.h"

namespace latent {

/// What a loss is computed from: named fields of the rows of one batch. Fields that a data set has
/// not got are empty.
struct Batch {
  Expr x;      // [n, inputs], scaled
  Expr label;  // [n] i32
  Expr mask;   // [n, inputs], 1 where a value is present
};

/// A scalar to minimize and the parts that it is made of, each averaged over the batch.
struct Loss {
  Expr total;
  std::vector<std::pair<std::string, Expr>> parts;
};

/// Autoencoder with dense layers: x -> hidden layers -> code -> hidden layers mirrored -> x'.
struct LATENT_API Autoencoder {
  struct Config {
    int64_t inputs = 100;
    std::vector<int64_t> hidden = {32};
    int64_t latent = 100;
    std::string activation = "relu";
    std::string loss = "mse";  // mse, the mean over all elements; or cross-entropy, summed over
                               // inputs, for values in [0, 1]
  } c;

  Expr encode(const Scope& s, Arg x) const;  ///< [n, inputs] -> [n, latent]
  Expr decode(const Scope& s, Arg z) const;  ///< [n, latent] -> mean of x [n, inputs]
  Loss loss(const Scope& s, const Batch& batch) const;

 private:
  Expr decoder_output(const Scope& s, Arg z) const;
};

/// Variational autoencoder with dense layers (Kingma and Welling 2014, arXiv 1312.6114): posterior
/// N(mu, diag(exp logvar)), prior N(0, I), any likelihood of latent/dist.h. Loss: the negative
/// ELBO, summed over dimensions, averaged over the batch.
struct LATENT_API Vae {
  struct Config {
    int64_t inputs = 784;
    std::vector<int64_t> hidden = {400};
    int64_t latent = 20;
    std::string activation = "relu";
    std::string likelihood = "bernoulli";
    double beta = 1;  // weight of the KL divergence (Higgins et al. 2017)
  } c;

  Gaussian encode(const Scope& s, Arg x) const;         ///< The posterior of [n, inputs].
  Expr decode(const Scope& s, Arg z) const;             ///< Parameters of the likelihood.
  Expr decode_mean(const Scope& s, Arg z) const;        ///< Mean of x given z, [n, inputs].
  Loss loss(const Scope& s, const Batch& batch) const;  ///< Parts: reconstruction, kl.
};

}  // namespace latent
