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

// Each of these makes its parameters at one line alone, so that nll and draw name the same.

/// What stands for the codes k [m] of a level: [m, units].
Expr CodePrior::embedded(const Scope& s, int64_t level, Expr k) const {
  return gather(level_scope(s, level).param("embedding", {classes, units}, normal_init(0, 1)), k);
}

/// A layer of the stack that has seen the rows above a place, of x [n, h, w, units] under so many
/// rows of zeros: h - 1 + zeros rows.
Expr CodePrior::above_layer(const Scope& layer, Expr x, int64_t zeros) const {
  return relu(conv2d(layer / "above", x, units, {2, 3}, {.padding = Padding{zeros, 0, 1, 1}}));
}

/// What a layer adds to the stack that has seen these and the places to its left, x likewise with
/// columns of zeros.
Expr CodePrior::left_layer(const Scope& layer, Expr x, Expr above, int64_t zeros) const {
  return relu(conv2d(layer / "left", x, units, {1, 2}, {.padding = Padding{0, 0, zeros, 0}}) +
              conv2d(layer / "join", above, units, 1, {.bias = false}));
}

/// What each place knows of those before it, of x [n, height, width, units]: the same shape.
Expr CodePrior::context(const Scope& s, Expr x) const {
  Expr above = shifted(x, 1), left = shifted(x, 2);
  for (int64_t i = 0; i < depth; ++i) {
    const Scope layer = s / static_cast<int>(i);
    above = above_layer(layer, above, 1);
    left = left + left_layer(layer, left, above, 1);
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
  for (int64_t level = 0; level < levels; ++level) {
    const Expr codes = reshape(k[static_cast<size_t>(level)], {n * height * width});
    embeddings.push_back(reshape(embedded(s, level, codes), {n, height, width, units}));
  }
  Expr before = context(s, sum_of(embeddings));
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
  std::vector<Expr> of_levels;
  for (size_t level = 0; level < k.size(); ++level) {
    const Expr nll = categorical_nll(reshape(all[level], {n * places, classes}),
                                     reshape(k[level], {n * places}));
    of_levels.push_back(sum(reshape(nll, {n, places}), {1}));
  }
  return sum_of(of_levels);
}

std::vector<Expr> CodePrior::draw(const Scope& s, int64_t n, Expr temperature) const {
  const int64_t places = height * width, noises = levels * classes;
  const Expr u = reshape(uniform(s / "draw", {n, places * noises}), {n, places, noises});
  const Expr gumbel = -log(-log(min(max(u, 1e-9), 1 - 1e-7)));
  const Expr inverse = 1 / max(temperature, 1e-6);
  std::vector<Expr> codes;
  if (depth == 0) {  // places do not know of each other
    for (int64_t level = 0; level < levels; ++level) {
      const Expr here =
          reshape(place(s, level), {1, places, classes}) * reshape(inverse, {n, 1, 1});
      const Expr noise = slice(gumbel, 2, level * classes, classes);
      codes.push_back(cast(argmax(here + noise), DType::f32));
    }
    return codes;
  }
  std::vector<Expr> inputs = {reshape(transpose(gumbel, {1, 0, 2}), {height, width, n, noises})};
  for (int64_t level = 0; level < levels; ++level) inputs.push_back(place(s, level));
  const std::vector<Expr> start(static_cast<size_t>(depth) + 1,
                                zeros(s.graph(), {n, 1, width, units}));
  const ScanResult rows = scan(s.graph(), height, start, inputs,
                               [&](const ScanStep& step) { return drawn_row(s, step, inverse); });
  for (const Expr& level : rows.outputs) codes.push_back(transpose(reshape(level, {places, n})));
  return codes;
}

// Both carry, for each layer, what it was given at the row or place before, and last the embedding
// drawn there; so a place costs one column of the convolutions, not the whole grid.

/// Inputs: noise [width, n, levels * classes], and of each level its places' own logits [width,
/// classes]. Gives the codes [width, n] of each level.
ScanYield CodePrior::drawn_row(const Scope& s, const ScanStep& step, Expr inverse) const {
  const int64_t n = inverse.dim(0);
  std::vector<Expr> inputs = step.inputs, next;
  Expr above = step.carries.back();
  for (int64_t i = 0; i < depth; ++i) {
    next.push_back(above);
    above = above_layer(s / static_cast<int>(i),
                        concat({step.carries[static_cast<size_t>(i)], above}, 1), 0);
    inputs.push_back(transpose(reshape(above, {n, width, units}), {1, 0, 2}));
  }
  Graph& g = step.iteration.graph();
  const std::vector<Expr> start(next.size() + 1, zeros(g, {n, 1, 1, units}));
  ScanResult row = scan(g, width, start, inputs,
                        [&](const ScanStep& at) { return drawn_place(s, at, inverse); });
  next.push_back(reshape(transpose(row.outputs.back(), {1, 0, 2}), {n, 1, width, units}));
  row.outputs.pop_back();
  return {next, row.outputs};
}

/// Inputs: as above of one place, and what each layer of `above` gives there, [n, units]. Gives the
/// code [n] of each level, and their embedding [n, units].
ScanYield CodePrior::drawn_place(const Scope& s, const ScanStep& step, Expr inverse) const {
  const int64_t n = inverse.dim(0);
  const auto count = static_cast<size_t>(levels);
  std::vector<Expr> next, drawn, embeddings;
  Expr left = step.carries.back();
  for (int64_t i = 0; i < depth; ++i) {
    const auto layer = static_cast<size_t>(i);
    const Expr above = reshape(step.inputs[1 + count + layer], {n, 1, 1, units});
    next.push_back(left);
    left = left +
           left_layer(s / static_cast<int>(i), concat({step.carries[layer], left}, 2), above, 0);
  }
  for (int64_t level = 0; level < levels; ++level) {
    const Expr own = step.inputs[static_cast<size_t>(level) + 1];
    const Expr noise = slice(step.inputs[0], 1, level * classes, classes);
    const Expr k =
        argmax(reshape(level_logits(s, level, left, own), {n, classes}) * inverse + noise);
    embeddings.push_back(reshape(embedded(s, level, k), {n, 1, 1, units}));
    left = left + embeddings.back();
    drawn.push_back(cast(k, DType::f32));
  }
  const Expr all = sum_of(embeddings);
  next.push_back(all);
  drawn.push_back(reshape(all, {n, units}));
  return {next, drawn};
}

}  // namespace latent::models
