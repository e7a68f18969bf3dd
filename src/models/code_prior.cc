// The PixelCNN; see code_prior.h.
#include "models/code_prior.h"

#include "latent/dist.h"
#include "latent/nn.h"
#include "models/levels.h"

namespace latent::models {

namespace {

/// x [n, h, w, c] moved by one along an axis; zeros come in.
Expr shifted(Expr x, int axis) { return slice(pad(x, axis, 1, 0), axis, 0, x.dim(axis)); }

}  // namespace

// Each of these four makes its parameters at one line alone, so that nll and draw name the same.

/// What stands for the codes k [m] of a level: [m, units].
Expr CodePrior::embedded(const Scope& s, int64_t level, Expr k) const {
  return gather(level_scope(s, level).param("embedding", {classes, units}, normal_init(0, 1)), k);
}

/// What each place knows of those before it, of x [n, height, width, units]: the same shape.
Expr CodePrior::context(const Scope& s, Expr x) const {
  // `above` has seen the rows above a place, `left` these and the places to its left.
  Expr above = shifted(x, 1), left = shifted(x, 2);
  for (int64_t i = 0; i < depth; ++i) {
    const Scope layer = s / static_cast<int>(i);
    above = relu(conv2d(layer / "above", above, units, {2, 3}, {.padding = Padding{1, 0, 1, 1}}));
    left =
        left + relu(conv2d(layer / "left", left, units, {1, 2}, {.padding = Padding{0, 0, 1, 0}}) +
                    conv2d(layer / "join", above, units, 1, {.bias = false}));
  }
  return left;
}

/// Logits of each place alone: [height, width, classes].
Expr CodePrior::place(const Scope& s, int64_t level) const {
  return level_scope(s, level).param("place", {height, width, classes}, zeros());
}

/// Logits [n, h, w, classes] of a level at some h x w of the places, of which `place` are their
/// own. `before` [n, h, w, units] is their context plus the embeddings of the levels before.
Expr CodePrior::level_logits(const Scope& s, int64_t level, Expr before, Expr place) const {
  const Scope own = level_scope(s, level);
  if (level > 0) before = before + relu(conv2d(own / "mix", before, units, 1));
  return conv2d(own / "out", before, classes, 1, {.bias = false}) + place;
}

std::vector<Expr> CodePrior::logits(const Scope& s, const std::vector<Expr>& k) const {
  const int64_t n = k[0].dim(0);
  std::vector<Expr> all, embeddings;
  if (depth == 0) {
    for (int64_t level = 0; level < levels; ++level)
      all.push_back(broadcast_to(place(s, level), {n, height, width, classes}));
    return all;
  }
  Expr x;
  for (int64_t level = 0; level < levels; ++level) {
    const Expr codes = reshape(k[static_cast<size_t>(level)], {n * height * width});
    embeddings.push_back(reshape(embedded(s, level, codes), {n, height, width, units}));
    x = level == 0 ? embeddings.back() : x + embeddings.back();
  }
  Expr before = context(s, x);
  for (int64_t level = 0; level < levels; ++level) {
    all.push_back(level_logits(s, level, before, place(s, level)));
    before = before + embeddings[static_cast<size_t>(level)];
  }
  return all;
}

std::vector<LayerInfo> CodePrior::layers() const {
  const int64_t places = height * width, square = units * units;
  const Shape each = {height, width, units}, all = {height, width, classes};
  const std::string last = std::to_string(classes);
  std::vector<LayerInfo> layers;
  for (int64_t i = 0; i < levels; ++i) {
    if (depth == 0)
      layers.push_back({level_path(i, "place"), "logits " + last, all, places * classes, 0});
    else
      layers.push_back({level_path(i, "embedding"), "embedding " + std::to_string(units), each,
                        classes * units, 0});
  }
  if (depth == 0) return layers;
  for (int64_t i = 0; i < depth; ++i) {  // 2 x 3 above, 1 x 2 to the left, 1 x 1 to join them
    layers.push_back({std::to_string(i), "causal conv " + std::to_string(units), each,
                      9 * square + 2 * units, places * 9 * square});
  }
  for (int64_t i = 0; i < levels; ++i) {
    if (i > 0)
      layers.push_back({level_path(i, "mix"), "conv " + std::to_string(units) + " 1", each,
                        square + units, places * square});
    layers.push_back({level_path(i, "out, place"), "conv " + last + " 1", all,
                      (units + places) * classes, places * units * classes});
  }
  return layers;
}

Expr CodePrior::nll(const Scope& s, const std::vector<Expr>& k) const {
  const int64_t n = k[0].dim(0), places = height * width;
  const std::vector<Expr> all = logits(s, k);
  Expr total;
  for (size_t level = 0; level < k.size(); ++level) {
    const Expr nll = categorical_nll(reshape(all[level], {n * places, classes}),
                                     reshape(k[level], {n * places}));
    const Expr of_level = sum(reshape(nll, {n, places}), {1});
    total = level == 0 ? of_level : total + of_level;
  }
  return total;
}

std::vector<Expr> CodePrior::draw(const Scope& s, int64_t n, Expr temperature) const {
  const int64_t places = height * width, noises = levels * classes;
  const Expr u = reshape(uniform(s / "draw", {n, places * noises}), {n, places, noises});
  const Expr gumbel = -log(-log(min(max(u, 1e-9), 1 - 1e-7)));
  const Expr inverse = 1 / max(temperature, 1e-6);
  // Carried: the codes drawn so far, [places, levels * n], all of a level side by side.
  const Expr start =
      reshape(broadcast_to(0 * transpose(temperature), {places * levels, n}), {places, levels * n});
  const auto codes_of = [&](Expr carried, int64_t level) {  // [n, places]
    return transpose(slice(carried, 1, level * n, n));
  };
  const ScanResult drawn =
      scan(s.graph(), places, {start}, {transpose(gumbel, {1, 0, 2})}, [&](const ScanStep& step) {
        Expr before;  // [n, 1, 1, units] at this place
        if (depth > 0) {
          Expr x;
          for (int64_t level = 0; level < levels; ++level) {
            const Expr k = cast(codes_of(step.carries[0], level), DType::i32);
            const Expr e = embedded(s, level, reshape(k, {n * places}));
            x = level == 0 ? e : x + e;
          }
          const Expr all = context(s, reshape(x, {n, height, width, units}));
          before = reshape(
              dynamic_slice(transpose(reshape(all, {n, places, units}), {1, 0, 2}), step.iteration),
              {n, 1, 1, units});
        }
        std::vector<Expr> chosen;
        for (int64_t level = 0; level < levels; ++level) {
          const Expr own =
              dynamic_slice(reshape(place(s, level), {places, classes}), step.iteration);
          const Expr here =
              depth == 0 ? own : reshape(level_logits(s, level, before, own), {n, classes});
          const Expr noise = slice(step.inputs[0], 1, level * classes, classes);
          const Expr next = argmax(here * inverse + noise);
          chosen.push_back(cast(next, DType::f32));
          if (level + 1 < levels && depth > 0)
            before = before + reshape(embedded(s, level, next), {n, 1, 1, units});
        }
        const Expr drawn_here = levels == 1 ? chosen[0] : concat(chosen, 0);
        return ScanYield{{dynamic_update(step.carries[0], step.iteration, drawn_here)}, {}};
      });
  std::vector<Expr> codes;
  for (int64_t level = 0; level < levels; ++level)
    codes.push_back(codes_of(drawn.carries[0], level));
  return codes;
}

}  // namespace latent::models
