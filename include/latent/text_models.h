// Autoencoders of text: rows of token numbers (docs/text.md says how text becomes such), read by a
// recurrent cell into a code, from which a recurrent cell or dilated convolutions write them again,
// each token given those before.
#pragma once

#include <string>
#include <vector>

#include "latent/models.h"
#include "latent/writer.h"

namespace latent {

/// Variational autoencoder of sentences (Bowman et al. 2016, arXiv 1511.06349). -log p(x|z) is the
/// sum over the tokens of a row, its end among them; padding counts nothing.
struct LATENT_API TextVae {
  struct Config {
    int64_t inputs = 0;            // tokens of a row
    int64_t vocabulary = 0;        // numbers of tokens: 0 is padding, 1 ends a row, 2 is <unk>
    int64_t embedding = 64;        // values of a token
    std::string cell = "gru";      // that reads, and writes: gru or lstm
    std::string decoder = "cell";  // that writes; or conv: dilated causal convolutions
                                   // (Yang et al. 2017, arXiv 1702.08139)
    int64_t units = 256;           // of the cell, channels of the convolutions
    int64_t depth = 4;             // of conv: layers, dilated by 1, 2, 4, ..
    int64_t latent = 32;
    double word_dropout = 0;  // share of the tokens given to the decoder in training that are <unk>
    double beta = 1;          // this and below as Vae's
    int64_t warmup_steps = 0;
    std::string warmup_shape = "linear";
    double warmup_ramp = 0.5;
    double free_bits = 0;
  } c;

  Gaussian encode(const Scope& s, Arg x) const;  ///< The posterior of [n, inputs].
  Expr nll(const Scope& s, Arg z, Arg x) const;  ///< -log p(x|z) under teacher forcing, [n].
  /// The code itself: p(x_t | x_<t, z) depends on x too, so the decoder is part of likelihood().
  Expr decode(const Scope& s, Arg z) const;
  Expr decode_mean(const Scope& s, Arg z) const;        ///< The likeliest tokens, one by one.
  Loss loss(const Scope& s, const Batch& batch) const;  ///< Parts: reconstruction, kl.
  Likelihood likelihood() const;  ///< "tokens", whose parameters are the code.
  Writer writer() const;
  std::vector<LayerInfo> layers() const;
  double warmup(int64_t step) const;
};

/// The same without a distribution over the code.
struct LATENT_API TextAutoencoder {
  struct Config {
    int64_t inputs = 0;
    int64_t vocabulary = 0;
    int64_t embedding = 64;
    std::string cell = "gru";
    std::string decoder = "cell";
    int64_t units = 256;
    int64_t depth = 4;
    int64_t latent = 32;
    double word_dropout = 0;
  } c;

  Expr encode(const Scope& s, Arg x) const;
  Expr nll(const Scope& s, Arg z, Arg x) const;
  Expr decode(const Scope& s, Arg z) const;
  Expr decode_mean(const Scope& s, Arg z) const;
  Loss loss(const Scope& s, const Batch& batch) const;  ///< Part: reconstruction.
  Likelihood likelihood() const;
  Writer writer() const;
  std::vector<LayerInfo> layers() const;
};

LATENT_API Architecture architecture(const TextVae& model, int64_t inputs);
LATENT_API Architecture architecture(const TextAutoencoder& model, int64_t inputs);

}  // namespace latent
