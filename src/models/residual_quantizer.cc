// Residual vector quantization; see residual_quantizer.h.
#include "models/residual_quantizer.h"

namespace latent::models {

namespace {

/// For each vector e [m, units] its nearest of the book: |e|^2 is the same for all.
Expr nearest(Expr e, Expr book) {
  return argmin(sum(square(book), {1}) - 2 * matmul(e, book, false, true));
}

/// In nats, of the codes' use.
Expr entropy(Expr counts) {
  const Expr p = counts / max(sum(counts), 1e-12);
  return -sum(p * log(max(p, 1e-12)));
}

}  // namespace

/// The vectors [codes, units] of a level, and for each how many of a step's vectors choose it, a
/// moving average. Made at this line alone, so that every function names the same slots.
ResidualQuantizer::Codebook ResidualQuantizer::book(const Scope& s, int64_t level) const {
  const Scope own = level_scope(s, level);
  return {own.state("vectors", {codes, units}, normal_init(0, 1)),
          own.state("counts", {codes}, zeros())};
}

Quantized ResidualQuantizer::quantize(const Scope& s, Expr vectors) const {
  const int64_t n = vectors.dim(0), places = vectors.dim(1);
  const Expr e = reshape(vectors, {n * places, units});
  Quantized q;
  Expr left = e;
  for (int64_t level = 0; level < levels; ++level) {
    const Expr own = book(s, level).vectors, k = nearest(left, own);
    q.given.push_back(left);
    q.codes.push_back(reshape(k, {n, places}));
    q.vectors.push_back(gather(own, k));
    left = left - q.vectors.back();
  }
  std::vector<Expr> distances;
  for (size_t level = 0; level < q.given.size(); ++level)
    distances.push_back(sum(square(q.given[level] - stop_gradient(q.vectors[level]))));
  q.distance = sum_of(distances) / static_cast<double>(n);
  // Exactly the books' vectors; the gradient of their sum goes to e as it is.
  q.vectors[0] = q.vectors[0] + (e - stop_gradient(e));
  for (Expr& level : q.vectors) level = reshape(level, {n, places, units});
  return q;
}

/// The book of a level after a step: appendix A.1 of van den Oord et al. A code that fewer than
/// `revive` of an even share choose is dead and becomes one of the vectors that the level was
/// given, drawn by the step's noise; it has so much credit that one unused dies again after some
/// log(2) / (1 - decay) steps. At first most are dead, so that the book starts among the first
/// step's vectors.
ResidualQuantizer::Codebook ResidualQuantizer::moved(const Scope& s, const Quantized& q,
                                                     int64_t level) const {
  const auto at = static_cast<size_t>(level);
  const Codebook old = book(s, level);
  const Expr e = stop_gradient(q.given[at]), k = reshape(q.codes[at], {e.dim(0)});
  const auto m = static_cast<double>(e.dim(0));
  const double least = revive * m / static_cast<double>(codes);
  const Expr chosen = sum(one_hot(k, codes), {0}), kept = decay * old.counts;
  const Expr counts = kept + (1 - decay) * chosen;
  const auto column = [&](Expr x) { return reshape(x, {codes, 1}); };
  const Expr sums = column(kept) * old.vectors + (1 - decay) * scatter_add(k, e, codes);
  const Expr unused = greater(1e-12, counts), dead = greater(least, counts);
  const Expr means = where(column(unused), old.vectors, sums / max(column(counts), 1e-12));
  const Expr lot = floor(uniform(level_scope(s, level) / "revived", {codes}) * m);
  return {where(column(dead), gather(e, cast(lot, DType::i32)), means),
          where(dead, 2 * least, counts)};
}

ResidualQuantizer::Perplexity ResidualQuantizer::follow(const Scope& s, const Quantized& q) const {
  std::vector<Expr> entropies;
  Expr least;
  for (int64_t level = 0; level < levels; ++level) {
    const Codebook old = book(s, level);
    Expr counts = old.counts;
    if (s.training()) {
      const Codebook next = moved(s, q, level);
      s.graph().assign(old.vectors, next.vectors);
      s.graph().assign(old.counts, next.counts);
      counts = next.counts;
    }
    entropies.push_back(entropy(counts));
    least = level == 0 ? entropies[0] : min(least, entropies.back());
  }
  return {exp(sum_of(entropies) / static_cast<double>(levels)), exp(least)};
}

std::vector<Expr> ResidualQuantizer::by_level(Expr rows) const {
  const int64_t n = rows.dim(0), places = rows.dim(1) / (levels * units);
  const Expr all = reshape(rows, {n * places, levels, units});
  std::vector<Expr> vectors;
  for (int64_t level = 0; level < levels; ++level)
    vectors.push_back(reshape(slice(all, 1, level, 1), {n, places, units}));
  return vectors;
}

std::vector<Expr> ResidualQuantizer::codes_of(const Scope& s, Expr rows) const {
  std::vector<Expr> k;
  for (const Expr& vectors : by_level(rows)) {
    const int64_t n = vectors.dim(0), places = vectors.dim(1);
    const Expr own = book(s, std::ssize(k)).vectors;
    k.push_back(reshape(nearest(reshape(vectors, {n * places, units}), own), {n, places}));
  }
  return k;
}

Expr ResidualQuantizer::rows_of(const Scope& s, std::vector<Expr> k) const {
  for (int64_t level = 0; level < levels; ++level) {
    Expr& of_level = k[static_cast<size_t>(level)];
    const int64_t n = of_level.dim(0), places = of_level.dim(1);
    const Expr flat = cast(reshape(of_level, {n * places}), DType::i32);
    of_level = reshape(gather(book(s, level).vectors, flat), {n, places, units});
  }
  return side_by_side(std::move(k));
}

std::vector<LayerInfo> ResidualQuantizer::layers(const Shape& grid) const {
  const Shape all = {grid[0], grid[1], units};
  std::vector<LayerInfo> layers;
  for (int64_t level = 0; level < levels; ++level) {
    layers.push_back({level_path(level, "vectors"), "nearest of " + std::to_string(codes), all,
                      codes * units, all.elements() * codes});
  }
  return layers;
}

Expr side_by_side(std::vector<Expr> vectors) {
  const int64_t n = vectors[0].dim(0), places = vectors[0].dim(1), units = vectors[0].dim(2);
  for (Expr& level : vectors) level = reshape(level, {n * places, 1, units});
  const Expr all = vectors.size() == 1 ? vectors[0] : concat(vectors, 1);
  return reshape(all, {n, places * std::ssize(vectors) * units});
}

}  // namespace latent::models
