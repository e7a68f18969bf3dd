// Stacks of layers: tracing, mirror images and the table of layers; see latent/stack.h. All three
// trace the layers, so a shape is worked out in one place, the ops.
#include "latent/stack.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/op.h"
#include "ir/program.h"
#include "nn/stack_text.h"

namespace latent {

namespace {

using nn::Layer;
using nn::Word;

// A file's text must not run away.
constexpr int64_t kMostBlockLayers = 256, kMostValues = 1 << 28;

Shape row_of(Expr x) { return Shape(x.shape().dims().subspan(1)); }

/// The message of an error without the place at its end: a place in here tells a user nothing.
std::string without_place(const std::string& message) {
  const size_t at = message.rfind(" (");
  const bool place = at != std::string::npos && message.ends_with(")") &&
                     message.find(".cc:", at) != std::string::npos;
  return place ? message.substr(0, at) : message;
}

Expr traced(const Scope& s, Expr x, const std::vector<Layer>& layers, size_t i, const Shape& output,
            int64_t scales = 0) {
  const Layer& l = layers[i];
  const bool normalized = i + 1 < layers.size() && layers[i + 1].word == "bn";
  try {
    if (l.word == "denseblock" && l.integer(0) > kMostBlockLayers)
      throw UsageError(fmt::format("at most {} layers a block", kMostBlockLayers));
    const Expr y =
        nn::word_named(l.word).apply(s / static_cast<int>(i), x, l, {normalized, output, scales});
    if (y.shape().elements() / std::max<int64_t>(1, y.dim(0)) > kMostValues)
      throw UsageError(fmt::format("gives more than {} values a row", kMostValues));
    return y;
  } catch (const UsageError& e) {
    throw UsageError(fmt::format("layer {}, \"{}\" at {}, on rows {}: {}", i, l.text(), l.at,
                                 row_of(x).text(), without_place(e.what())),
                     s.where());
  }
}

/// A graph of one row, in which shapes are worked out.
struct Sketch {
  Graph graph;
  Scope scope{graph, false};
  Expr x;
  explicit Sketch(const Shape& row) {
    Shape one{1};
    for (const int64_t extent : row) one.push_back(extent);
    x = graph.feed("x", one);
  }
};

/// Multiply-adds of the convolutions and products among the nodes from `first` on; at most 2^62,
/// whatever a text asks for.
int64_t multiply_adds(const ir::Program& p, size_t first) {
  double sum = 0;
  for (size_t i = first; i < p.nodes.size(); ++i) {
    const ir::Node& n = p.nodes[i];
    const auto operand = [&](size_t k) -> const Shape& { return p.nodes[n.in[k]].shape; };
    const auto product = [](int64_t elements, int64_t each) {
      return static_cast<double>(elements) * static_cast<double>(each);
    };
    const std::string_view op = n.op->name;
    if (op == "conv" || op == "conv_data") {
      const Shape& w = operand(1);  // [kh, kw, cin / groups, cout]
      sum += product((op == "conv" ? n.shape : operand(0)).elements(), w[0] * w[1] * w[2]);
    } else if (op == "matmul") {
      const Shape& a = operand(0);  // [n, k]: nothing here transposes it
      sum += product(n.shape.elements(), a[a.rank() - 1]);
    }
  }
  return static_cast<int64_t>(std::min(sum, 0x1p62));
}

int64_t trained_elements(const ir::Program& p, size_t first) {
  int64_t sum = 0;
  for (size_t i = first; i < p.slots.size(); ++i) {
    if (p.slots[i].trainable) sum += p.nodes[p.slots[i].node].shape.elements();
  }
  return sum;
}

}  // namespace

Expr stack(const Scope& s, Arg x, const std::string& text, const Shape& output, int64_t scales) {
  At at(s.where().line ? s.where() : x.where());
  const std::vector<Layer> layers = nn::parse_stack(text);
  Expr h = x.expr();
  for (size_t i = 0; i < layers.size(); ++i) h = traced(s, h, layers, i, output, scales);
  return h;
}

std::string normalized_stack(const std::string& text) { return nn::text_of(nn::parse_stack(text)); }

std::string mirrored_stack(const std::string& encoder, const Shape& row) {
  const std::vector<Layer> layers = nn::parse_stack(encoder);
  Sketch sketch(row);
  std::vector<Shape> shapes = {row};  // before each layer, and after the last
  Expr h = sketch.x;
  for (size_t i = 0; i < layers.size(); ++i) {
    h = traced(sketch.scope, h, layers, i, {});
    shapes.push_back(row_of(h));
  }
  const Shape& code = shapes.back();
  std::vector<std::string> parts = {code.rank() == 3
                                        ? fmt::format("picture {}", fmt::join(code, "x"))
                                        : fmt::format("dense {}", code[0])};
  const auto pointwise = [&](size_t i) { return nn::word_named(layers[i].word).pointwise; };
  for (size_t end = layers.size(); end > 0;) {
    size_t i = end - 1;
    if (pointwise(i)) {
      while (i > 0 && pointwise(i - 1)) --i;
      for (size_t k = i; k < end; ++k) parts.push_back(layers[k].text());
      end = i;
      continue;
    }
    end = i;
    const Layer& l = layers[i];
    if (i == 0 && l.word == "dense") break;  // `out` is its mirror
    const Word& word = nn::word_named(l.word);
    if (!word.mirror) {
      throw UsageError(fmt::format("layer {}, \"{}\" at {}, has no mirror; give the decoder too", i,
                                   l.text(), l.at));
    }
    if (i == 0 && l.word == "conv" && !l.options.contains('g') && !l.options.contains('d')) {
      const std::string stride =
          l.options.contains('s') ? fmt::format(" s{}", l.option('s', 1)) : "";
      parts.push_back(fmt::format("out {}{}", l.integer(1), stride));
      return fmt::format("{}", fmt::join(parts, "; "));
    }
    const std::string m = word.mirror(l, shapes[i], shapes[i + 1]);
    if (!m.empty()) parts.push_back(m);
  }
  parts.push_back(row.rank() == 3 && layers[0].word != "dense" ? "out 3" : "out");
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::vector<LayerInfo> stack_layers(const std::string& text, const Shape& row,
                                    const Shape& output) {
  const std::vector<Layer> layers = nn::parse_stack(text);
  Sketch sketch(row);
  const ir::Program& p = sketch.graph.program();
  std::vector<LayerInfo> table;
  Expr h = sketch.x;
  for (size_t i = 0; i < layers.size(); ++i) {
    const size_t nodes = p.nodes.size(), slots = p.slots.size();
    h = traced(sketch.scope, h, layers, i, output);
    table.push_back({std::to_string(i), layers[i].text(), row_of(h), trained_elements(p, slots),
                     multiply_adds(p, nodes)});
  }
  return table;
}

}  // namespace latent
