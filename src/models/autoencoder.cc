// The autoencoder; see latent/models.h.
#include <cmath>

#include "base/near.h"
#include "latent/models.h"
#include "latent/ops.h"
#include "models/coder.h"
#include "models/penalty.h"
#include "models/spectral.h"

namespace latent {

namespace {

/// The scope of encoder layer i, the code's after the last. Made at this line alone, so that a tied
/// decoder names the same slots.
Scope encoder_layer(const Scope& s, size_t i, size_t hidden) {
  return s / "encoder" / (i < hidden ? std::to_string(i) : "code");
}
Scope decoder_layer(const Scope& s, size_t i, size_t hidden) {
  return s / "decoder" / (i < hidden ? std::to_string(i) : "out");
}

/// x [n, outputs of the layer] times the transposed weight of an encoder layer [inputs, outputs].
Expr tied_dense(const Scope& encoder, const Scope& decoder, Expr x, int64_t units) {
  At at(encoder.where());
  const Expr weight = encoder.param("weight", {units, x.dim(1)}, glorot_uniform(units, x.dim(1)));
  return matmul(x, weight, false, true) + decoder.param("bias", {units}, zeros());
}

Expr code_before_activation(const Autoencoder::Config& c, const Scope& s, Arg x) {
  if (models::has_stack(c)) {
    const Expr h = models::encode_rows(s / "encoder", c, x.expr());
    return dense(s / "encoder" / "code", h, c.latent);
  }
  Expr h = x.expr();
  const size_t hidden = c.hidden.size();
  for (size_t i = 0; i < hidden; ++i)
    h = activate(c.activation, dense(encoder_layer(s, i, hidden), h, c.hidden[i]));
  return dense(encoder_layer(s, hidden, hidden), h, c.latent);
}

Expr sum_of_squared_weights(const Scope& s) {
  Expr total;
  for (const Expr& slot : s.graph().slots(s.path())) {
    if (!s.graph().name_of(slot).ends_with("/weight")) continue;
    const Expr squares = sum(square(slot));
    total = total.valid() ? total + squares : squares;
  }
  return total;
}

}  // namespace

Expr Autoencoder::encode(const Scope& s, Arg x) const {
  return activate(c.code_activation, code_before_activation(c, s, x));
}

Expr Autoencoder::decode(const Scope& s, Arg z) const {
  if (models::has_stack(c)) return models::decode_rows(s / "decoder", c, z.expr(), likelihood());
  Expr h = z.expr();
  const size_t hidden = c.hidden.size();
  for (size_t i = 0; i <= hidden; ++i) {
    const int64_t units = i < hidden ? c.hidden[hidden - 1 - i] : c.inputs;
    const Scope layer = decoder_layer(s, i, hidden);
    h = c.tied ? tied_dense(encoder_layer(s, hidden - i, hidden), layer, h, units)
               : dense(layer, h, units);
    if (i < hidden) h = activate(c.activation, h);
  }
  return h;
}

Likelihood Autoencoder::likelihood() const {
  if (c.loss == "mse") return squared_error();
  if (c.loss == "cross-entropy") return bernoulli();
  throw UsageError("an autoencoder's loss is mse or cross-entropy, asked for \"" + c.loss + "\"" +
                   did_you_mean(c.loss, {"mse", "cross-entropy"}));
}

std::vector<LayerInfo> Autoencoder::layers() const {
  std::vector<LayerInfo> all = models::layers_of(c, 1, 1);
  if (!c.tied) return all;
  for (LayerInfo& l : all) {  // the weights are counted where they are: in the encoder
    if (l.scope.starts_with("decoder/") && l.parameters > 0) l.parameters = l.output.elements();
  }
  return all;
}

Loss Autoencoder::loss(const Scope& s, const Batch& batch) const {
  const Expr pre = code_before_activation(c, s, batch.input());
  const Expr z = activate(c.code_activation, pre), out = decode(s, z);
  Loss loss;
  loss.code = z;
  loss.total = c.loss == "mse" ? mean(square(out - batch.x)) : mean(likelihood().nll(out, batch.x));
  loss.parts.emplace_back("reconstruction", loss.total);
  if (c.spectral != 0) {
    models::add_penalty(loss, "spectral", models::spectral_loss(batch.x, likelihood().mean(out)),
                        c.spectral);
  }
  if (c.weight_decay != 0)
    models::add_penalty(loss, "weight_decay", sum_of_squared_weights(s), c.weight_decay / 2);
  if (c.entropy != 0)
    models::add_penalty(loss, "entropy", code_entropy(c.code_activation, pre), c.entropy);
  return loss;
}

Expr code_entropy(const std::string& activation, Arg pre) {
  At at(pre.where());
  const Expr a = pre.expr();
  // -p ln p - (1 - p) ln(1 - p) with p = sigmoid(a), and -sum p ln p with p = softmax(a): from a
  // itself, exact where p rounds to 0 or 1.
  if (activation == "sigmoid") return mean(sum(softplus(a) - a * sigmoid(a), {-1}));
  if (activation == "softmax") return mean(logsumexp(a) - sum(softmax(a) * a, {-1}));
  const Expr code = activate(activation, a);
  const Expr variance = mean(square(code - mean(code, {0}, true)), {0});
  return 0.5 * sum(log(variance + 1e-8) + std::log(2 * M_PI * M_E));
}

}  // namespace latent
