// The VQ-VAE; see latent/models.h.
#include "latent/models.h"
#include "latent/nn.h"
#include "latent/ops.h"
#include "models/code_prior.h"
#include "models/coder.h"
#include "models/dense_stack.h"

namespace latent {

namespace {

/// The codebook [codes, latent], and for each vector how many of a step's vectors choose it, a
/// moving average. Made at this line alone, so that every function names the same slots.
struct Codebook {
  Expr vectors, counts;
};
Codebook codebook(const Scope& s, const VqVae::Config& c) {
  const Scope book = s / "codebook";
  return {book.state("vectors", {c.codes, c.latent}, normal_init(0, 1)),
          book.state("counts", {c.codes}, zeros())};
}

/// For each vector e [m, d] its nearest of the book: |e|^2 is the same for all.
Expr nearest(Expr e, Expr book) {
  return argmin(sum(square(book), {1}) - 2 * matmul(e, book, false, true));
}

/// The book after a step whose vectors e [m, d] chose k [m]: appendix A.1 of the paper. A code that
/// fewer than `revive` of an even share choose is dead and becomes one of the vectors, drawn by the
/// step's noise; it has so much credit that one unused dies again after some log(2) / (1 - decay)
/// steps. At first most are dead, so that the book starts among the first step's vectors.
Codebook moved(const Scope& s, const Codebook& book, const VqVae::Config& c, Expr e, Expr k) {
  const auto m = static_cast<double>(e.dim(0));
  const double least = c.revive * m / static_cast<double>(c.codes);
  const Expr chosen = sum(one_hot(k, c.codes), {0}), kept = c.decay * book.counts;
  const Expr counts = kept + (1 - c.decay) * chosen;
  const auto column = [&](Expr x) { return reshape(x, {c.codes, 1}); };
  const Expr sums = column(kept) * book.vectors + (1 - c.decay) * scatter_add(k, e, c.codes);
  const Expr unused = greater(1e-12, counts), dead = greater(least, counts);
  const Expr means = where(column(unused), book.vectors, sums / max(column(counts), 1e-12));
  const Expr lot = floor(uniform(s / "codebook" / "revived", {c.codes}) * m);
  return {where(column(dead), gather(e, cast(lot, DType::i32)), means),
          where(dead, 2 * least, counts)};
}

/// exp of the entropy of the codes' use: how many of them carry the data, from 1 to all.
Expr perplexity(Expr counts) {
  const Expr p = counts / max(sum(counts), 1e-12);
  return exp(-sum(p * log(max(p, 1e-12))));
}

models::CodePrior prior_of(const VqVae::Config& c, const Shape& grid) {
  return {grid[0], grid[1], c.codes, c.prior_units, c.prior_depth};
}

}  // namespace

Shape VqVae::grid() const {
  if (!models::has_stack(c)) return {1, c.places};
  const Shape last =
      stack_layers(models::encoder_text(c), models::row_shape(c.picture, c.inputs)).back().output;
  if (last.rank() == 3) return {last[0], last[1]};
  throw UsageError(
      "a vq_vae puts a code on every place of what its encoder gives; this one gives " +
      last.text() + ", no picture: end it before global, flatten or dense");
}

int64_t VqVae::code_units() const { return grid().elements() * c.latent; }

Expr VqVae::vectors(const Scope& s, Arg x) const {
  const Shape places = grid();
  const int64_t n = x.expr().dim(0), m = n * places.elements();
  const Scope encoder = s / "encoder";
  if (!models::has_stack(c)) {
    const Expr h = models::dense_stack(encoder, x, c.hidden, c.activation);
    return reshape(dense(encoder / "code", h, c.places * c.latent), {m, c.latent});
  }
  const Expr h = models::encode_rows(encoder, x.expr(), models::encoder_text(c),
                                     models::row_shape(c.picture, c.inputs));
  return dense(encoder / "code", reshape(h, {m, h.shape().elements() / m}), c.latent);
}

Expr VqVae::encode(const Scope& s, Arg x) const {
  const Expr e = vectors(s, x), book = codebook(s, c).vectors;
  // Exactly the book's vector; its gradient goes to e as it is.
  const Expr z = gather(book, nearest(e, book)) + (e - stop_gradient(e));
  return reshape(z, {x.expr().dim(0), code_units()});
}

Expr VqVae::decode(const Scope& s, Arg z) const {
  const int64_t values = likelihood().params_per_value;
  if (models::has_stack(c)) {
    const Shape places = grid();
    const Expr picture = reshape(z, {z.expr().dim(0), places[0], places[1], c.latent});
    return models::decode_rows(s / "decoder", picture, models::decoder_text(c),
                               models::row_shape(c.picture, c.inputs), values);
  }
  const Expr h =
      models::dense_stack(s / "decoder", z, {c.hidden.rbegin(), c.hidden.rend()}, c.activation);
  return dense(s / "decoder" / "out", h, c.inputs * values);
}

Expr VqVae::decode_mean(const Scope& s, Arg z) const { return likelihood().mean(decode(s, z)); }

Expr VqVae::prior_nll(const Scope& s, Arg z) const {
  const Expr flat = reshape(z, {z.expr().shape().elements() / c.latent, c.latent});
  const Expr k = nearest(flat, codebook(s, c).vectors);
  const Shape places = grid();
  return prior_of(c, places).nll(s / "prior", reshape(k, {z.expr().dim(0), places.elements()}));
}

Expr VqVae::prior_draw(const Scope& s, int64_t n, Expr temperature) const {
  const Shape places = grid();
  const Expr k = prior_of(c, places).draw(s / "prior", n, temperature);
  const Expr flat = cast(reshape(k, {n * places.elements()}), DType::i32);
  return reshape(gather(codebook(s, c).vectors, flat), {n, code_units()});
}

Loss VqVae::loss(const Scope& s, const Batch& batch) const {
  const int64_t n = batch.x.dim(0);
  const Expr e = vectors(s, batch.input());
  Codebook book = codebook(s, c);
  const Expr k = nearest(e, book.vectors), q = gather(book.vectors, k);
  const Expr z = reshape(q + (e - stop_gradient(e)), {n, code_units()});  // as in encode
  const Expr reconstruction = mean(likelihood().nll(decode(s, z), batch.x));
  // Moves no encoder: k has no gradient.
  const Shape places = grid();
  const Expr kl = mean(prior_of(c, places).nll(s / "prior", reshape(k, {n, places.elements()})));
  const Expr distance = sum(square(e - stop_gradient(q))) / static_cast<double>(n);
  if (s.training()) {
    const Codebook next = moved(s, book, c, stop_gradient(e), k);
    s.graph().assign(book.vectors, next.vectors);
    s.graph().assign(book.counts, next.counts);
    book = next;
  }
  Loss loss{reconstruction + kl,
            {{"reconstruction", reconstruction},
             {"kl", kl},
             {"distance", distance},
             {"perplexity", perplexity(book.counts)}}};
  if (s.training()) loss.total = loss.total + c.commitment * distance;
  return loss;
}

std::vector<LayerInfo> VqVae::layers() const {
  const int64_t values = likelihood().params_per_value;
  const Shape places = grid();
  std::vector<LayerInfo> all;
  if (models::has_stack(c)) {
    all = models::picture_coder_layers(models::encoder_text(c), models::decoder_text(c),
                                       models::row_shape(c.picture, c.inputs), c.latent, values);
  } else {
    VqVae flat = *this;
    flat.c.latent = code_units();
    all = models::layers_of(flat.c, 1, values);
  }
  all.push_back({"codebook/vectors",
                 "nearest of " + std::to_string(c.codes),
                 {places[0], places[1], c.latent},
                 c.codes * c.latent,
                 code_units() * c.codes});
  for (LayerInfo& l : prior_of(c, places).layers()) all.push_back(std::move(l));
  return all;
}

}  // namespace latent
