// The VQ-VAE; see latent/models.h.
#include "latent/models.h"
#include "latent/nn.h"
#include "latent/ops.h"
#include "models/code_prior.h"
#include "models/coder.h"
#include "models/dense_stack.h"
#include "models/spectral.h"

namespace latent {

namespace {

/// The codebook [codes, latent] of a level, and for each vector how many of a step's vectors choose
/// it, a moving average. Made at this line alone, so that every function names the same slots.
struct Codebook {
  Expr vectors, counts;
};
Codebook codebook(const Scope& s, const VqVae::Config& c, int64_t level) {
  const Scope book = models::level_scope(s / "codebook", level);
  return {book.state("vectors", {c.codes, c.latent}, normal_init(0, 1)),
          book.state("counts", {c.codes}, zeros())};
}

/// For each vector e [m, d] its nearest of the book: |e|^2 is the same for all.
Expr nearest(Expr e, Expr book) {
  return argmin(sum(square(book), {1}) - 2 * matmul(e, book, false, true));
}

/// What one level makes of the vectors that it is given, all [m, latent]; k [m] are its codes.
struct Quantized {
  Codebook book;
  Expr given, k, vectors;
};

/// Each level's book gets what those before it left (Lee et al. 2022, eq. 1; Zeghidour et al. 2021,
/// algorithm 1). Gradients of what is given are those of e, since books have none.
std::vector<Quantized> quantized(const Scope& s, const VqVae::Config& c, Expr e) {
  std::vector<Quantized> levels;
  for (int64_t level = 0; level < c.quantizers; ++level) {
    const Codebook book = codebook(s, c, level);
    const Expr k = nearest(e, book.vectors), q = gather(book.vectors, k);
    levels.push_back({book, e, k, q});
    e = e - q;
  }
  return levels;
}

/// The book of a level after a step whose vectors e [m, d] chose k [m]: appendix A.1 of the paper.
/// A code that fewer than `revive` of an even share choose is dead and becomes one of the vectors,
/// drawn by the step's noise; it has so much credit that one unused dies again after some log(2) /
/// (1 - decay) steps. At first most are dead, so that the book starts among the first step's
/// vectors.
Codebook moved(const Scope& s, const Codebook& book, const VqVae::Config& c, Expr e, Expr k,
               int64_t level) {
  const auto m = static_cast<double>(e.dim(0));
  const double least = c.revive * m / static_cast<double>(c.codes);
  const Expr chosen = sum(one_hot(k, c.codes), {0}), kept = c.decay * book.counts;
  const Expr counts = kept + (1 - c.decay) * chosen;
  const auto column = [&](Expr x) { return reshape(x, {c.codes, 1}); };
  const Expr sums = column(kept) * book.vectors + (1 - c.decay) * scatter_add(k, e, c.codes);
  const Expr unused = greater(1e-12, counts), dead = greater(least, counts);
  const Expr means = where(column(unused), book.vectors, sums / max(column(counts), 1e-12));
  const Expr lot =
      floor(uniform(models::level_scope(s / "codebook", level) / "revived", {c.codes}) * m);
  return {where(column(dead), gather(e, cast(lot, DType::i32)), means),
          where(dead, 2 * least, counts)};
}

/// In nats, of the codes' use.
Expr entropy(Expr counts) {
  const Expr p = counts / max(sum(counts), 1e-12);
  return -sum(p * log(max(p, 1e-12)));
}

/// Here alone, as the codebook's.
Scope prior_scope(const Scope& s) { return s / "prior"; }

models::CodePrior prior_of(const VqVae::Config& c, const Shape& grid) {
  return {grid[0], grid[1], c.codes, c.prior_units, c.prior_depth, c.quantizers};
}

/// Each level's [m] as the prior has it, [n, m / n].
std::vector<Expr> in_rows(std::vector<Expr> k, int64_t n) {
  for (Expr& level : k) level = reshape(level, {n, level.dim(0) / n});
  return k;
}

/// Each level's vectors [m, latent] side by side: the codes [n, code_units()] of n rows.
Expr side_by_side(std::vector<Expr> levels, int64_t n) {
  const int64_t m = levels[0].dim(0), latent = levels[0].dim(1), q = std::ssize(levels);
  for (Expr& level : levels) level = reshape(level, {m, 1, latent});
  return reshape(q == 1 ? levels[0] : concat(levels, 1), {n, m / n * q * latent});
}

/// The other way: what stands side by side in z.
std::vector<Expr> levels_of(const VqVae::Config& c, Expr z) {
  const int64_t m = z.shape().elements() / (c.quantizers * c.latent);
  const Expr all = reshape(z, {m, c.quantizers, c.latent});
  std::vector<Expr> levels;
  for (int64_t level = 0; level < c.quantizers; ++level)
    levels.push_back(reshape(slice(all, 1, level, 1), {m, c.latent}));
  return levels;
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

int64_t VqVae::code_units() const { return grid().elements() * c.quantizers * c.latent; }

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
  const Expr e = vectors(s, x);
  std::vector<Expr> levels;
  for (const Quantized& level : quantized(s, c, e)) levels.push_back(level.vectors);
  // Exactly the books' vectors; the gradient of their sum goes to e as it is.
  levels[0] = levels[0] + (e - stop_gradient(e));
  return side_by_side(levels, x.expr().dim(0));
}

Expr VqVae::decode(const Scope& s, Arg z) const {
  const std::vector<Expr> levels = levels_of(c, z.expr());
  Expr sum = levels[0];
  for (size_t level = 1; level < levels.size(); ++level) sum = sum + levels[level];
  return decode_sums(s, sum, z.expr().dim(0));
}

Expr VqVae::decode_sums(const Scope& s, Expr sums, int64_t n) const {
  const int64_t values = likelihood().params_per_value;
  const Shape places = grid();
  if (models::has_stack(c)) {
    const Expr picture = reshape(sums, {n, places[0], places[1], c.latent});
    return models::decode_rows(s / "decoder", picture, models::decoder_text(c),
                               models::row_shape(c.picture, c.inputs), values,
                               likelihood().scales_per_value);
  }
  const Expr h = models::dense_stack(s / "decoder", reshape(sums, {n, c.places * c.latent}),
                                     {c.hidden.rbegin(), c.hidden.rend()}, c.activation);
  return dense(s / "decoder" / "out", h, c.inputs * values);
}

Expr VqVae::decode_mean(const Scope& s, Arg z) const { return likelihood().mean(decode(s, z)); }

Expr VqVae::prior_nll(const Scope& s, Arg z) const {
  std::vector<Expr> k = levels_of(c, z.expr());
  for (size_t level = 0; level < k.size(); ++level)
    k[level] = nearest(k[level], codebook(s, c, static_cast<int64_t>(level)).vectors);
  return prior_of(c, grid()).nll(prior_scope(s), in_rows(k, z.expr().dim(0)));
}

Expr VqVae::prior_draw(const Scope& s, int64_t n, Expr temperature) const {
  std::vector<Expr> levels = prior_of(c, grid()).draw(prior_scope(s), n, temperature);
  for (size_t level = 0; level < levels.size(); ++level) {
    const Expr k = cast(reshape(levels[level], {levels[level].shape().elements()}), DType::i32);
    levels[level] = gather(codebook(s, c, static_cast<int64_t>(level)).vectors, k);
  }
  return side_by_side(levels, n);
}

Loss VqVae::loss(const Scope& s, const Batch& batch) const {
  const int64_t n = batch.x.dim(0);
  const Expr e = vectors(s, batch.input());
  const std::vector<Quantized> levels = quantized(s, c, e);
  Expr sums, distance, entropies, least;
  std::vector<Expr> k;
  for (const Quantized& level : levels) {
    const bool first = k.empty();
    sums = first ? level.vectors : sums + level.vectors;
    // Summed over levels: Lee et al. 2022, eq. 8.
    const Expr d = sum(square(level.given - stop_gradient(level.vectors)));
    distance = first ? d : distance + d;
    Expr counts = level.book.counts;
    if (s.training()) {
      const Codebook next =
          moved(s, level.book, c, stop_gradient(level.given), level.k, std::ssize(k));
      s.graph().assign(level.book.vectors, next.vectors);
      s.graph().assign(level.book.counts, next.counts);
      counts = next.counts;
    }
    const Expr h = entropy(counts);
    entropies = first ? h : entropies + h;
    least = first ? h : min(least, h);
    k.push_back(level.k);
  }
  distance = distance / static_cast<double>(n);
  const Expr params = decode_sums(s, sums + (e - stop_gradient(e)), n);  // as encode and decode do
  const Expr reconstruction = mean(likelihood().nll(params, batch.x));
  // Moves no encoder: k has no gradient.
  const Expr kl = mean(prior_of(c, grid()).nll(prior_scope(s), in_rows(k, n)));
  Loss loss{reconstruction + kl,
            {{"reconstruction", reconstruction}, {"kl", kl}, {"distance", distance}}};
  loss.parts.emplace_back("perplexity", exp(entropies / static_cast<double>(c.quantizers)));
  if (c.quantizers > 1) loss.parts.emplace_back("least_perplexity", exp(least));
  if (s.training()) loss.total = loss.total + c.commitment * distance;
  if (c.spectral != 0) {
    loss.parts.emplace_back("spectral", models::spectral_loss(batch.x, likelihood().mean(params)));
    if (s.training()) loss.total = loss.total + c.spectral * loss.parts.back().second;
  }
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
    flat.c.latent = c.places * c.latent;
    all = models::layers_of(flat.c, 1, values);
  }
  for (int64_t level = 0; level < c.quantizers; ++level) {
    const Shape of_level = {places[0], places[1], c.latent};
    all.push_back(
        {"codebook/" + (level == 0 ? "" : "level" + std::to_string(level) + "/") + "vectors",
         "nearest of " + std::to_string(c.codes), of_level, c.codes * c.latent,
         of_level.elements() * c.codes});
  }
  for (LayerInfo& l : prior_of(c, places).layers()) all.push_back(std::move(l));
  return all;
}

}  // namespace latent
