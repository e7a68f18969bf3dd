// Stacks as encoders and decoders of rows; see coder.h.
#include "models/coder.h"

namespace latent::models {

namespace {

/// What `out` gives: `values` numbers for each of a row's, as channels of a picture.
Shape output_shape(Shape row, int64_t values) {
  row[row.rank() - 1] *= values;
  return row;
}

}  // namespace

Shape row_shape(const std::vector<int64_t>& picture, int64_t inputs) {
  if (picture.empty()) return {inputs};
  if (picture.size() != 2 && picture.size() != 3)
    throw UsageError("picture is height,width or height,width,channels, found " +
                     std::to_string(picture.size()) + " numbers");
  Shape row(picture);
  if (row.rank() == 2) row.push_back(1);
  if (inputs != 0 && row.elements() != inputs) {
    throw UsageError("a picture " + row.text() + " has " + std::to_string(row.elements()) +
                     " values, a row " + std::to_string(inputs));
  }
  return row;
}

std::string dense_text(const std::vector<int64_t>& widths, const std::string& activation) {
  std::string text;
  for (const int64_t units : widths) {
    text += (text.empty() ? "dense " : "; dense ") + std::to_string(units);
    if (activation != "none") text += "; " + activation;
  }
  return text;
}

std::string dense_mirror(const std::vector<int64_t>& widths, const std::string& activation) {
  const std::string text = dense_text({widths.rbegin(), widths.rend()}, activation);
  return text.empty() ? "out" : text + "; out";
}

Expr encode_rows(const Scope& s, Expr x, const std::string& text, const Shape& row, Expr beside) {
  At at(s.where());
  const int64_t n = x.dim(0);
  Shape shape{n};
  for (const int64_t extent : row) shape.push_back(extent);
  Expr in = row.rank() == 1 ? x : reshape(x, shape);
  if (beside.valid()) {
    const int64_t k = beside.dim(1);
    const Expr planes = row.rank() == 1
                            ? beside
                            : broadcast_to(reshape(beside, {n, 1, 1, k}), {n, row[0], row[1], k});
    in = concat({in, planes}, row.rank());
  }
  const Expr h = stack(s, in, text);
  return h.shape().rank() == 2 ? h : reshape(h, {n, h.shape().elements() / n});
}

Expr decode_rows(const Scope& s, Expr z, const std::string& text, const Shape& row,
                 const Likelihood& likelihood) {
  At at(s.where());
  const int64_t n = z.dim(0), inputs = row.elements(), values = likelihood.params_per_value;
  const Expr y = stack(s, z, text, output_shape(row, values),
                       likelihood.scales_per_value * row[row.rank() - 1]);
  if (row.rank() == 1) return y;
  if (values == 1) return reshape(y, {n, inputs});
  std::vector<Expr> parts;
  for (const Expr& part : split(y, static_cast<int>(values), 3))
    parts.push_back(reshape(part, {n, inputs}));
  return concat(parts, 1);
}

std::string from_picture(const std::string& decoder) {
  const size_t end = decoder.find("; ");
  return decoder.starts_with("picture ") && end != decoder.npos ? decoder.substr(end + 2) : decoder;
}

Shape picture_grid(const std::string& encoder, const Shape& row) {
  const Shape last = stack_layers(encoder, row).back().output;
  if (last.rank() == 3) return {last[0], last[1]};
  throw UsageError("a code stands at every place of what the encoder gives; this one gives " +
                   last.text() + ", no picture: end it before global, flatten or dense");
}

void add_layers(std::vector<LayerInfo>& all, const std::string& scope,
                std::vector<LayerInfo> layers) {
  for (LayerInfo& l : layers) {
    l.scope = scope + "/" + l.scope;
    all.push_back(std::move(l));
  }
}

std::vector<LayerInfo> coder_layers(const std::string& encoder, const std::string& decoder,
                                    const Shape& row, int64_t latent, int64_t heads, int64_t values,
                                    int64_t classes) {
  std::vector<LayerInfo> all;
  Shape given = row;
  given[row.rank() - 1] += classes;
  if (!encoder.empty()) add_layers(all, "encoder", stack_layers(encoder, given));
  const int64_t code_inputs = (all.empty() ? given : all.back().output).elements();
  all.push_back({heads == 1 ? "encoder/code" : "encoder/mean, logvar",
                 "dense " + std::to_string(latent),
                 {latent},
                 heads * (code_inputs + 1) * latent,
                 heads * code_inputs * latent});
  add_layers(all, "decoder", stack_layers(decoder, {latent + classes}, output_shape(row, values)));
  return all;
}

std::vector<LayerInfo> dense_coder_layers(const std::vector<int64_t>& hidden,
                                          const std::string& activation, int64_t inputs,
                                          int64_t latent, int64_t heads, int64_t values,
                                          int64_t classes) {
  std::vector<LayerInfo> all =
      coder_layers(dense_text(hidden, activation), dense_mirror(hidden, activation), {inputs},
                   latent, heads, values, classes);
  // A stack counts activations too; here each has its layer's name. The code's line, which has its
  // own, parts the encoder's from the decoder's.
  int count = 0;
  for (LayerInfo& l : all) {
    const std::string coder = l.scope.substr(0, l.scope.find('/') + 1);
    const bool code = coder == "encoder/" && !isdigit(l.scope[coder.size()]);
    if (code)
      count = 0;
    else if (l.layer == "out")
      l.scope = coder + "out";
    else
      l.scope = coder + std::to_string(l.layer.starts_with("dense ") ? count++ : count - 1);
  }
  return all;
}

std::vector<LayerInfo> picture_coder_layers(const std::string& encoder, const std::string& decoder,
                                            const Shape& row, int64_t latent, int64_t values) {
  std::vector<LayerInfo> all;
  add_layers(all, "encoder", stack_layers(encoder, row));
  Shape code = all.back().output;
  const int64_t channels = code[2];
  code[2] = latent;
  all.push_back({"encoder/code", "conv " + std::to_string(latent) + " 1", code,
                 (channels + 1) * latent, channels * code.elements()});
  add_layers(all, "decoder", stack_layers(decoder, code, output_shape(row, values)));
  return all;
}

}  // namespace latent::models
