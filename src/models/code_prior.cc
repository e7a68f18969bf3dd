// The PixelCNN; see code_prior.h.
#include "models/code_prior.h"

#include "latent/dist.h"
#include "latent/nn.h"

namespace latent::models {

namespace {

/// x [n, h, w, c] moved by one along an axis; zeros come in.
Expr shifted(Expr x, int axis) { return slice(pad(x, axis, 1, 0), axis, 0, x.dim(axis)); }

}  // namespace

Expr CodePrior::logits(const Scope& s, Expr k) const {
  const int64_t n = k.dim(0), places = height * width;
  const Expr place = s.param("place", {height, width, classes}, zeros());
  if (depth == 0) return broadcast_to(place, {n, height, width, classes});
  const Expr embedded =
      gather(s.param("embedding", {classes, units}, normal_init(0, 1)), reshape(k, {n * places}));
  const Expr x = reshape(embedded, {n, height, width, units});
  // `above` has seen the rows above a place, `left` these and the places to its left.
  Expr above = shifted(x, 1), left = shifted(x, 2);
  for (int64_t i = 0; i < depth; ++i) {
    const Scope layer = s / static_cast<int>(i);
    above = relu(conv2d(layer / "above", above, units, {2, 3}, {.padding = Padding{1, 0, 1, 1}}));
    left =
        left + relu(conv2d(layer / "left", left, units, {1, 2}, {.padding = Padding{0, 0, 1, 0}}) +
                    conv2d(layer / "join", above, units, 1, {.bias = false}));
  }
  return conv2d(s / "out", left, classes, 1, {.bias = false}) + place;
}

std::vector<LayerInfo> CodePrior::layers() const {
  const int64_t places = height * width, square = units * units;
  const Shape each = {height, width, units}, all = {height, width, classes};
  const std::string last = std::to_string(classes);
  if (depth == 0) return {{"prior/place", "logits " + last, all, places * classes, 0}};
  std::vector<LayerInfo> layers = {
      {"prior/embedding", "embedding " + std::to_string(units), each, classes * units, 0}};
  for (int64_t i = 0; i < depth; ++i) {  // 2 x 3 above, 1 x 2 to the left, 1 x 1 to join them
    layers.push_back({"prior/" + std::to_string(i), "causal conv " + std::to_string(units), each,
                      9 * square + 2 * units, places * 9 * square});
  }
  layers.push_back({"prior/out, place", "conv " + last + " 1", all, (units + places) * classes,
                    places * units * classes});
  return layers;
}

Expr CodePrior::nll(const Scope& s, Expr k) const {
  const int64_t n = k.dim(0), places = height * width;
  const Expr flat = reshape(logits(s, k), {n * places, classes});
  return sum(reshape(categorical_nll(flat, reshape(k, {n * places})), {n, places}), {1});
}

Expr CodePrior::draw(const Scope& s, int64_t n, Expr temperature) const {
  const int64_t places = height * width;
  const Expr u = reshape(uniform(s / "draw", {n, places * classes}), {n, places, classes});
  const Expr gumbel = -log(-log(min(max(u, 1e-9), 1 - 1e-7)));
  const Expr inverse = 1 / max(temperature, 1e-6);
  const Expr start = broadcast_to(0 * transpose(temperature), {places, n});
  const ScanResult drawn =
      scan(s.graph(), places, {start}, {transpose(gumbel, {1, 0, 2})}, [&](const ScanStep& step) {
        const Expr k = cast(transpose(step.carries[0]), DType::i32);
        const Expr all = transpose(reshape(logits(s, k), {n, places, classes}), {1, 0, 2});
        const Expr here = dynamic_slice(all, step.iteration);
        const Expr next = argmax(here * inverse + step.inputs[0]);
        return ScanYield{{dynamic_update(step.carries[0], step.iteration, cast(next, DType::f32))},
                         {}};
      });
  return transpose(drawn.carries[0]);
}

}  // namespace latent::models
