// Residual vector quantization (Zeghidour et al. 2021, arXiv 2107.03312; Lee et al. 2022, arXiv
// 2203.01941): of a vector the first level keeps the nearest one of a codebook, the second the
// nearest of another book to what that leaves, and so on; one level is van den Oord et al. 2017
// (arXiv 1711.00937). The books learn by a moving average of the vectors that choose them, not by
// gradients. What lies between the encoder and the decoder of a VQ-VAE.
#pragma once

#include <vector>

#include "latent/ops.h"
#include "latent/stack.h"
#include "models/levels.h"

namespace latent::models {

/// What the levels make of an encoder's vectors e [n, places, units], one entry a level.
struct Quantized {
  std::vector<Expr> given;    // what the levels before left of e, [n * places, units]
  std::vector<Expr> codes;    // the nearest vectors' places in the book, [n, places] i32
  std::vector<Expr> vectors;  // these, [n, places, units]; the gradient of their sum goes to e
  Expr distance;  // squared, of vectors from what was given: a row's over all its places and levels
                  // (Lee et al. 2022, eq. 8), averaged over rows
};

struct ResidualQuantizer {
  int64_t codes = 128, units = 16;  // vectors of a book, values of a vector
  int64_t levels = 1;
  double decay = 0.99;   // what a book keeps of itself in a step
  double revive = 0.02;  // of an even share of use, below which a code is dead; 0: none ever is

  /// Each book gets what those before it left (Zeghidour et al. 2021, algorithm 1).
  Quantized quantize(const Scope& s, Expr vectors) const;

  /// exp of the entropy of the codes' use, 1 to `codes`, over the last 1 / (1 - decay) steps: the
  /// geometric mean over levels, and that of the level which uses fewest.
  struct Perplexity {
    Expr mean, least;
  };
  /// In training moves the books by what chose their vectors; once a graph.
  Perplexity follow(const Scope& s, const Quantized& q) const;

  /// The vectors of each level of rows that side_by_side made, and their codes.
  std::vector<Expr> by_level(Expr rows) const;
  std::vector<Expr> codes_of(const Scope& s, Expr rows) const;
  /// Such rows of codes, i32 or whole numbers in f32.
  Expr rows_of(const Scope& s, std::vector<Expr> codes) const;

  /// A layer a level for the places of a grid [height, width].
  std::vector<LayerInfo> layers(const Shape& grid) const;

 private:
  struct Codebook {
    Expr vectors, counts;
  };
  Codebook book(const Scope& s, int64_t level) const;
  Codebook moved(const Scope& s, const Quantized& q, int64_t level) const;
};

/// Rows that hold the vectors of all levels of a place side by side, [n, places * levels * units],
/// so that they tell their codes.
Expr side_by_side(std::vector<Expr> vectors);

}  // namespace latent::models
