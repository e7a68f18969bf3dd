// Autoencoders, variational and quantized ones, and their adversarial relatives as models: a config
// and functions from Expr to Expr. Any struct with such functions is a model (latent/train.h);
// these are what `latent train` builds. Architecture is a model with its type forgotten.
#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "latent/dist.h"
#include "latent/graph.h"
#include "latent/stack.h"
#include "latent/writer.h"

namespace latent {

/// What a loss is computed from: named fields of the rows of one batch. Fields that a data set has
/// not got are empty.
struct Batch {
  Expr x;      // [n, inputs], scaled: what a reconstruction is compared with
  Expr label;  // [n] i32
  Expr row;    // [n] i32: place in the batch when training, row of the data set when evaluating
  Expr seen;   // x as the encoder sees it where training corrupts it (TrainOptions::corrupt)
  const Expr& input() const { return seen.valid() ? seen : x; }  ///< What is to be encoded.
};

/// A code [n, latent]: of an autoencoder the value itself, of a VAE the posterior's mean and
/// logvar.
struct Code {
  Code(Expr value) : mean(value) {}
  Code(const Gaussian& q) : mean(q.mean), logvar(q.logvar) {}
  Expr mean, logvar;  // logvar is empty for an autoencoder
};

/// A loss of its own for the parameters under one scope, and how Adam follows it.
struct Aim {
  Expr loss;
  std::string prefix;
  double beta1 = 0.9;
  double rate = 1;  // times that of training
};

/// A scalar to minimize and the parts that it is made of, each averaged over the batch.
struct Loss {
  Expr total;
  std::vector<std::pair<std::string, Expr>> parts;
  /// Where parameters do not all follow the total, as in models with a discriminator: each scope's
  /// loss, all computed from the same values and applied at once. The total is then for people: it
  /// tells no better epoch from a worse, so that the last weights are kept. Empty: the total moves
  /// all.
  std::vector<Aim> aims = {};
  /// Of the batch, from which training tells by epoch how the units of the code are used. Empty:
  /// nothing is told.
  std::optional<Code> code = {};
};

/// Autoencoder with dense layers, or any stack: x -> hidden layers -> code -> hidden layers
/// mirrored -> x'.
struct LATENT_API Autoencoder {
  struct Config {
    int64_t inputs = 0;  // values of a row; 0: those of the data that it is trained on
    std::vector<int64_t> hidden = {32};
    int64_t latent = 20;
    std::string activation = "relu";
    std::string code_activation = "none";
    std::string loss = "mse";  // mse, the mean over all elements; or cross-entropy, summed over
                               // inputs, for values in [0, 1]
    bool tied = false;  // the decoder's weights are the encoder's, transposed; biases are its own
    double weight_decay = 0;  // adds weight_decay / 2 times the sum of squares of all weights, not
                              // of biases, to the loss (Adam{.decay} is the decoupled kind)
    double spectral = 0;      // adds spectral times the multi-resolution STFT loss (Yamamoto et al.
                              // 2020, arXiv 1910.11480), for rows that are samples of sounds
    double entropy = 0;       // adds entropy * H(code), in nats; negative values spread the code
    // Instead of the dense layers: stacks (latent/stack.h), each a preset's name or a text.
    std::string encoder, decoder;  // "": dense layers; decoder "": the encoder's mirror
    int64_t width = 0, depth = 0;  // of a preset; 0: its own
    std::vector<int64_t>
        picture;  // of a row: height, width[, channels], channels last; empty: flat
  } c;

  Expr encode(const Scope& s, Arg x) const;  ///< [n, inputs] -> [n, latent]
  Expr decode(const Scope& s, Arg z) const;  ///< [n, latent] -> parameters of likelihood()
  /// [n, latent] -> mean of x, [n, inputs]
  Expr decode_mean(const Scope& s, Arg z) const { return likelihood().mean(decode(s, z)); }
  Loss loss(const Scope& s, const Batch& b) const;  ///< Parts: reconstruction, and where weighted
                                                    ///< spectral, weight_decay (both unweighted),
                                                    ///< entropy.
  Likelihood likelihood() const;          ///< squared_error for mse, bernoulli for cross-entropy.
  std::vector<LayerInfo> layers() const;  ///< What encode and decode are made of, in order.
};

/// Entropy of a code [n, latent] in nats, a scalar; `activation` made it from `pre`.
/// sigmoid: each unit is the probability of a bit; the sum over units of the bits' entropies,
/// averaged over the batch. softmax: the units are the probabilities of classes; their entropy,
/// averaged over the batch. Any other: the entropy of a Gaussian of the batch's variance a unit,
/// 1/2 ln(2 pi e (var + 1e-8)), summed over units: an upper bound of what the code carries, exact
/// for independent Gaussian units; var divides by n, so a batch of one gives the floor.
LATENT_API Expr code_entropy(const std::string& activation, Arg pre);

/// Variational autoencoder with dense layers, or any stack (Kingma and Welling 2014, arXiv
/// 1312.6114): posterior N(mu, diag(exp logvar)), prior N(0, I), any likelihood of latent/dist.h.
/// Loss: the negative ELBO, summed over dimensions, averaged over the batch.
struct LATENT_API Vae {
  struct Config {
    int64_t inputs = 0;  // values of a row; 0: those of the data that it is trained on
    std::vector<int64_t> hidden = {400};
    int64_t latent = 20;
    std::string activation = "relu";
    std::string likelihood = "bernoulli";
    double beta = 1;                      // weight of the KL divergence (Higgins et al. 2017)
    int64_t warmup_steps = 0;             // updates until the KL's weight has grown from 0 to beta
    std::string warmup_shape = "linear";  // or logistic (Bowman et al. 2016); or cyclical, of that
                                          // period (Fu et al. 2019)
    double warmup_ramp = 0.5;             // fraction of a cycle in which the weight grows
    double free_bits = 0;  // nats a unit (Kingma et al. 2016): the batch's mean KL of a unit counts
                           // at least so much, and has no gradient below
    /// "label": encoder and decoder are given the row's label, one-hot (Sohn et al. 2015; Kingma et
    /// al. 2014, arXiv 1406.5298, M2 with every label known). "": nothing.
    std::string condition;
    int64_t classes = 0;           // that a label has: 0 to classes - 1
    std::string encoder, decoder;  // instead of the dense layers, as Autoencoder's
    int64_t width = 0, depth = 0;
    std::vector<int64_t> picture;
  } c;

  /// The posterior of [n, inputs]. Here and in decode a label is the graph's feed "label", i32 [n].
  Gaussian encode(const Scope& s, Arg x) const;
  Expr decode(const Scope& s, Arg z) const;  ///< Parameters of likelihood().
  /// Mean of x given z, [n, inputs].
  Expr decode_mean(const Scope& s, Arg z) const { return likelihood().mean(decode(s, z)); }
  /// Parts: reconstruction and kl, the true one, never scaled or clipped. beta, warm-up and free
  /// bits shape what is minimized in training; in an evaluation trace the total is the negative
  /// ELBO, so that it compares across epochs and models.
  Loss loss(const Scope& s, const Batch& batch) const;
  Likelihood likelihood() const { return likelihood_named(c.likelihood); }
  std::vector<LayerInfo> layers() const;  ///< What encode and decode are made of, in order.
  double warmup(int64_t step) const;      ///< Of [0, 1], what beta is multiplied with at an update.
};

/// VAE whose pictures are judged by a discriminator (Larsen et al. 2016, arXiv 1512.09300): the
/// reconstruction is compared in the discriminator's last hidden layer instead of pixel by pixel,
/// and the decoder also learns to pass for real, from reconstructions and from draws of the prior.
/// The encoder minimizes beta KL + likeness, the decoder gamma likeness + the generator's loss.
/// With an encoder's stack the discriminator is one of the same layers, whose end is compared, as
/// in the paper: a dense one tells what convolutions make from data at once and teaches them
/// nothing.
struct LATENT_API VaeGan {
  struct Config {
    int64_t inputs = 0;  // values of a row; 0: those of the data that it is trained on
    std::vector<int64_t> hidden = {400};
    int64_t latent = 20;
    std::string activation = "relu";
    std::string likelihood = "bernoulli";        // whose mean is judged; its nll is only reported
    double beta = 1;                             // weight of the KL divergence
    double gamma = 0.1;                          // weight of the likeness in the decoder's loss
    std::vector<int64_t> discriminator = {256};  // widths of its hidden layers, without a stack
    double discriminator_rate = 1;               // its learning rate, times training's
    std::string encoder, decoder;                // instead of the dense layers, as Autoencoder's
    int64_t width = 0, depth = 0;
    std::vector<int64_t> picture;
  } c;

  Gaussian encode(const Scope& s, Arg x) const { return vae().encode(s, x); }
  Expr decode(const Scope& s, Arg z) const { return vae().decode(s, z); }
  Expr decode_mean(const Scope& s, Arg z) const { return vae().decode_mean(s, z); }
  /// Parts: reconstruction and kl of the VAE, likeness (half the squared distance of features,
  /// summed), discriminator, and discriminator_accuracy, the share that it tells right. The total
  /// is the negative ELBO.
  Loss loss(const Scope& s, const Batch& batch) const;
  Likelihood likelihood() const { return likelihood_named(c.likelihood); }
  std::vector<LayerInfo> layers() const { return vae().layers(); }
  Vae vae() const;  ///< The encoder and the decoder alone.
};

/// Autoencoder whose codes are held to the prior N(0, I) by a discriminator instead of a KL
/// divergence (Makhzani et al. 2015, arXiv 1511.05644), so that it can be sampled from.
struct LATENT_API AdversarialAutoencoder {
  struct Config {
    int64_t inputs = 0;  // values of a row; 0: those of the data that it is trained on
    std::vector<int64_t> hidden = {400};
    int64_t latent = 8;
    std::string activation = "relu";
    std::string loss = "mse";                    // or cross-entropy, as Autoencoder's; both summed
    double gamma = 1;                            // weight of passing for the prior, for the encoder
    std::vector<int64_t> discriminator = {256};  // widths of its hidden layers
    std::string encoder, decoder;                // instead of the dense layers, as Autoencoder's
    int64_t width = 0, depth = 0;
    std::vector<int64_t> picture;
  } c;

  Expr encode(const Scope& s, Arg x) const { return autoencoder().encode(s, x); }
  Expr decode(const Scope& s, Arg z) const { return autoencoder().decode(s, z); }
  Expr decode_mean(const Scope& s, Arg z) const { return autoencoder().decode_mean(s, z); }
  /// Parts: reconstruction, summed over a row; generator, what the encoder pays for codes that are
  /// told from the prior's; discriminator; discriminator_accuracy. The total is the reconstruction.
  Loss loss(const Scope& s, const Batch& batch) const;
  Likelihood likelihood() const { return autoencoder().likelihood(); }
  std::vector<LayerInfo> layers() const { return autoencoder().layers(); }
  Autoencoder autoencoder() const;  ///< The encoder and the decoder alone.
};

/// Autoencoder whose code is a picture of classes (van den Oord et al. 2017, arXiv 1711.00937):
/// each vector that the encoder gives becomes the nearest one of a codebook. Gradients pass
/// straight through to the encoder, which also pays `commitment` times its squared distance; the
/// book follows the vectors by a moving average. A PixelCNN learns the prior of the codes along
/// with the rest, from classes, so that it moves nothing else. The negative ELBO, exact in its KL:
/// the posterior is one code.
///
/// With several `quantizers` (Zeghidour et al. 2021, arXiv 2107.03312; Lee et al. 2022, arXiv
/// 2203.01941) a place has that many codes, each level's of a book of its own for what the levels
/// before it left, and the decoder is given their sum. A row's code holds the vectors of all levels
/// of a place side by side, so that a code tells its classes; those of later levels set to 0 make a
/// coarser one.
struct LATENT_API VqVae {
  struct Config {
    int64_t inputs = 0;  // values of a row; 0: those of the data that it is trained on
    std::vector<int64_t> hidden = {400};
    int64_t latent = 16;  // values of a vector of the book
    std::string activation = "relu";
    int64_t codes = 128;     // vectors in the book
    int64_t quantizers = 1;  // books: levels of residual quantization
    int64_t places =
        8;  // codes of a row with dense layers; else the places of the encoder's picture
    std::string likelihood = "bernoulli";
    double commitment = 0.25;  // weight of the squared distance of vectors from their codes
    double decay = 0.99;       // what the book keeps of itself in a step
    double revive = 0.02;      // of an even share of use, below which a code starts again; 0: never
    int64_t prior_units = 64, prior_depth = 3;  // of the PixelCNN; depth 0: frequencies by place
    double spectral = 0;  // weight of the multi-resolution STFT loss in training, as Autoencoder's
    std::string encoder, decoder;  // as Autoencoder's; the decoder starts from the picture of codes
    int64_t width = 0, depth = 0;
    std::vector<int64_t> picture;
  } c;

  Shape grid() const;  ///< Places of the code: [height, width].
  /// Values of a row's code.
  int64_t code_units() const { return grid().elements() * c.quantizers * c.latent; }
  Expr vectors(const Scope& s, Arg x) const;  ///< Before they become codes: [n, places, latent].
  Expr encode(const Scope& s, Arg x) const;   ///< Vectors of the books, [n, code_units()].
  Expr decode(const Scope& s, Arg z) const;   ///< Parameters of likelihood().
  /// Mean of x given z, [n, inputs].
  Expr decode_mean(const Scope& s, Arg z) const { return likelihood().mean(decode(s, z)); }
  Expr prior_nll(const Scope& s, Arg z) const;  ///< -log p of the codes nearest to z, [n].
  /// Codes [n, code_units()] from the prior; temperature [n, 1] divides the logits.
  Expr prior_draw(const Scope& s, int64_t n, Expr temperature) const;
  /// Parts: reconstruction; kl, -log p(codes); distance, squared, of vectors from their codes,
  /// summed over levels and a row; perplexity of the codes' use, of 1 to `codes`, over the last 1 /
  /// (1 - decay) steps, its geometric mean over levels; of several levels least_perplexity, that of
  /// the one that uses fewest; spectral, where it has a weight. The total is the negative ELBO, in
  /// training with commitment * distance + spectral * spectral.
  Loss loss(const Scope& s, const Batch& batch) const;
  Likelihood likelihood() const { return likelihood_named(c.likelihood); }
  /// What encode and decode are made of, in order; then the book and the prior.
  std::vector<LayerInfo> layers() const;
};

/// A generator alone, without an encoder (Goodfellow et al. 2014, arXiv 1406.2661; with the preset
/// dcgan, Radford et al. 2016, arXiv 1511.06434): draws of N(0, I) become rows that a discriminator
/// learns to tell from the data's. Adam's beta1 is 0.5, as in the paper.
struct LATENT_API Dcgan {
  struct Config {
    int64_t inputs = 0;  // values of a row; 0: those of the data that it is trained on
    std::vector<int64_t> hidden = {400};  // widths of the generator, last first, as of a decoder
    int64_t latent = 64;
    std::string activation = "relu";
    std::string likelihood = "bernoulli";        // whose mean is judged: in [0, 1] for bernoulli
    std::vector<int64_t> discriminator = {256};  // widths of its hidden layers, leaky relu 0.2
    double discriminator_rate = 0.25;            // its learning rate, times training's
    std::string encoder, decoder;  // instead of the dense layers: the discriminator's stack, and
                                   // the generator's, as Autoencoder's
    int64_t width = 0, depth = 0;
    std::vector<int64_t> picture;
  } c;

  Expr decode(const Scope& s, Arg z) const;  ///< Parameters of likelihood().
  /// What the generator makes of z, [n, inputs].
  Expr decode_mean(const Scope& s, Arg z) const { return likelihood().mean(decode(s, z)); }
  Expr discriminate(const Scope& s, Arg x) const;  ///< Logits that rows are real, [n].
  /// Parts: generator, discriminator, discriminator_accuracy; the total, their sum, tells no better
  /// epoch from a worse.
  Loss loss(const Scope& s, const Batch& batch) const;
  Likelihood likelihood() const { return likelihood_named(c.likelihood); }
  std::string generator_text() const;      ///< As a stack, also of dense layers.
  std::string discriminator_text() const;  ///< Without its last layer, the logit.
  std::vector<LayerInfo> layers() const;   ///< The generator's and the discriminator's.
};

/// A prior of codes that is not N(0, I).
struct Prior {
  /// Codes [n, latent]; temperature [n, 1] as in Model::prior.
  std::function<Expr(const Scope&, int64_t n, Expr temperature)> draw;
  /// -log p(z) of codes that encode gives, [n]: what KL(q || p) is where the posterior is one code.
  std::function<Expr(const Scope&, Expr z)> nll;
};

/// A model with its type forgotten: what training, measures and the program's verbs work on.
/// Functions that a model has not got are empty.
struct Architecture {
  std::string name;           // in the catalogue, or "custom"
  std::string config = "{}";  // all that makes the same functions again: a JSON object, keys sorted
  int64_t inputs = 0, latent = 0;  // values of a row, units of the code (0 without encode)
  bool prior = false;              // whether draws of N(0, I) are codes
  std::optional<Prior> own_prior;  // where they are not, and it can be sampled from all the same
  int64_t classes = 0;  // of the label that encode and decode take by the feed "label"; 0: none
  std::function<Loss(const Scope&, const Batch&)> loss;
  std::function<Code(const Scope&, Expr x)> encode;
  std::function<Expr(const Scope&, Expr z)> decode;       // parameters of the likelihood
  std::function<Expr(const Scope&, Expr z)> decode_mean;  // [n, inputs]
  std::optional<Likelihood> likelihood;
  std::optional<Writer> writer;                // of a model of text
  std::vector<LayerInfo> layers;               // of a model of the catalogue
  std::function<double(int64_t step)> warmup;  // of the loss, [0, 1]; empty: always 1
};

/// Of a model of the catalogue; `inputs` are used where the config has 0, else a UsageError when
/// they differ.
LATENT_API Architecture architecture(const Autoencoder& model, int64_t inputs);
LATENT_API Architecture architecture(const Vae& model, int64_t inputs);
LATENT_API Architecture architecture(const VaeGan& model, int64_t inputs);
LATENT_API Architecture architecture(const AdversarialAutoencoder& model, int64_t inputs);
LATENT_API Architecture architecture(const VqVae& model, int64_t inputs);
LATENT_API Architecture architecture(const Dcgan& model, int64_t inputs);

namespace detail {
/// Fills in what follows from the functions: latent and, as config, a hash of the loss's graph.
LATENT_API Architecture describe_custom(Architecture a);
inline Loss as_loss(Loss l) { return l; }
inline Loss as_loss(Expr total) { return {total, {}}; }
}  // namespace detail

/// Of any struct with `loss(Scope, Batch)` or `loss(Scope, Expr x)`, giving Loss or Expr; and, to
/// be used after training, `encode(Scope, Expr)` giving Gaussian or Expr and `decode(Scope, Expr)`,
/// whose output is the mean of x unless there is `decode_mean` or `likelihood()`; and `prior_draw`
/// and `prior_nll`, the functions of Prior.
template <class M>
Architecture architecture(const M& m, int64_t inputs) {
  Architecture a{.name = "custom", .inputs = inputs};
  a.loss = [m](const Scope& s, const Batch& b) {
    if constexpr (requires { m.loss(s, b); })
      return detail::as_loss(m.loss(s, b));
    else
      return detail::as_loss(m.loss(s, b.x));
  };
  if constexpr (requires(const Scope& s, Expr e) { Code(m.encode(s, e)); })
    a.encode = [m](const Scope& s, Expr x) { return Code(m.encode(s, x)); };
  if constexpr (requires { m.likelihood(); }) a.likelihood = m.likelihood();
  if constexpr (requires(const Scope& s, Expr e) { m.prior_draw(s, 1, e), m.prior_nll(s, e); }) {
    a.own_prior = {[m](const Scope& s, int64_t n, Expr t) { return m.prior_draw(s, n, t); },
                   [m](const Scope& s, Expr z) { return m.prior_nll(s, z); }};
  }
  if constexpr (requires(const Scope& s, Expr e) { m.decode(s, e); }) {
    a.decode = [m](const Scope& s, Expr z) { return m.decode(s, z); };
    if constexpr (requires(const Scope& s, Expr e) { m.decode_mean(s, e); })
      a.decode_mean = [m](const Scope& s, Expr z) { return m.decode_mean(s, z); };
    else if constexpr (requires { m.likelihood(); })
      a.decode_mean = [m](const Scope& s, Expr z) { return m.likelihood().mean(m.decode(s, z)); };
    else
      a.decode_mean = a.decode;
  }
  if constexpr (requires { m.writer(); }) a.writer = m.writer();
  if constexpr (requires(int64_t step) { m.warmup(step); })
    a.warmup = [m](int64_t step) { return m.warmup(step); };
  return detail::describe_custom(std::move(a));
}

}  // namespace latent
