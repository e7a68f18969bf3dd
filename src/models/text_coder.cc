// Reading and writing rows of tokens; see text_coder.h.
#include "models/text_coder.h"

#include <string>
#include <utility>

#include "latent/dist.h"
#include "latent/error.h"
#include "latent/nn.h"

namespace latent::models {

namespace {

constexpr int64_t kTaps = 3;  // of a convolution

int64_t dilation(int64_t layer) { return int64_t{1} << layer; }

}  // namespace

void TextCoder::check() const {
  constexpr int64_t kLeast = 4;  // padding, end, <unk> and a token
  if (vocabulary < kLeast) {
    throw UsageError(
        "a model of text needs to know how many different tokens there are: "
        "vocabulary is " +
        std::to_string(vocabulary) + "; text read by latent says it");
  }
}

/// One line for reader and writer, since they share the slot.
Expr TextCoder::table(const Scope& s) const {
  const Scope embedding_scope = s / "embedding";
  return embedding_scope.param("weight", {vocabulary, embedding}, uniform_init(-0.05, 0.05));
}

Expr TextCoder::read(const Scope& s, Expr x) const {
  At at(s.where());
  const int64_t n = x.dim(0);
  const Expr time = transpose(x);  // [length, n]
  const Cell reader(s / "encoder" / "cell", cell, embedding, units);
  const Expr tokens = reshape(cast(time, DType::i32), {length * n});
  const Expr projected =
      reshape(reader.project_rows(table(s), tokens), {length, n, reader.gates() * units});
  const Expr mask = reshape(step(time), {length, n, 1});
  return unroll(reader, projected, reader.start(s.graph(), n), mask).last[0];
}

Cell TextCoder::writing_cell(const Scope& s) const {
  return Cell(s / "decoder" / "cell", cell, embedding, units);
}

Expr TextCoder::of_code(const Scope& s, Expr z, int64_t width) const {
  return dense(s / "decoder" / "code", z, width, {.bias = false});
}

Expr TextCoder::first_state(const Scope& s, Expr z) const {
  return dense(s / "decoder" / "start", z, units);
}

Expr TextCoder::logits(const Scope& s, Expr h) const {
  return dense(s / "decoder" / "out", h, vocabulary);
}

Expr TextCoder::convolved_input(const Scope& s, Expr tokens) const {
  const Scope in = s / "decoder" / "in";
  const bool table_first = vocabulary <= tokens.dim(0);
  return table_first ? gather(dense(in, table(s), units), tokens)
                     : dense(in, gather(table(s), tokens), units);
}

Expr TextCoder::convolution(const Scope& s, int64_t i, Expr h, bool padded) const {
  const int64_t behind = (kTaps - 1) * dilation(i);
  const Expr y = conv1d(s / "decoder" / static_cast<int>(i), h, units, kTaps,
                        {.padding = Padding{.left = padded ? behind : 0}, .dilation = dilation(i)});
  return relu(y) + (padded ? h : slice(h, 1, behind, h.dim(1) - behind));
}

Expr TextCoder::hidden(const Scope& s, Expr z, Expr before) const {
  const int64_t n = z.dim(0);
  if (!convolves()) {
    const Cell writer = writing_cell(s);
    const int64_t width = writer.gates() * units;
    const Expr tokens = reshape(cast(transpose(before), DType::i32), {length * n});
    const Expr projected = reshape(writer.project_rows(table(s), tokens), {length, n, width}) +
                           reshape(of_code(s, z, width), {1, n, width});
    const CellState first = writer.start(first_state(s, z));
    return reshape(unroll(writer, projected, first).outputs, {length * n, units});
  }
  const Expr tokens = reshape(cast(before, DType::i32), {n * length});
  Expr h = reshape(convolved_input(s, tokens), {n, length, units}) +
           reshape(of_code(s, z, units), {n, 1, units});
  for (int64_t i = 0; i < depth; ++i) h = convolution(s, i, h, true);
  return reshape(h, {n * length, units});
}

Expr TextCoder::nll(const Scope& s, Expr z, Expr x) const {
  At at(s.where());
  const int64_t n = x.dim(0);
  Expr before = length > 1 ? pad(slice(x, 1, 0, length - 1), 1, 1, 0) : zeros(s.graph(), {n, 1});
  if (s.training() && word_dropout > 0) {
    const Expr kept = greater_equal(uniform(s / "word_dropout", x.shape()), word_dropout);
    before = where(kept * step(before), before, min(before, 2));  // 2 is <unk>; 0 stays
  }
  const Expr h = hidden(s, z, before), asked = convolves() ? x : transpose(x);
  const Expr token = reshape(asked, {length * n});
  const Expr each = categorical_nll(logits(s, h), cast(token, DType::i32)) * step(token);
  return convolves() ? sum(reshape(each, {n, length}), {1}) : sum(reshape(each, {length, n}), {0});
}

Likelihood TextCoder::likelihood() const {
  const auto root = [](Arg z) { return Scope(z.expr().graph(), false); };
  return {.name = "tokens",
          .nll = [t = *this, root](Arg z, Arg x) { return t.nll(root(z), z.expr(), x.expr()); },
          .mean = [t = *this, root](Arg z) { return write(root(z), t.writer(), z.expr()); },
          .sample = [t = *this, root](const Scope&,
                                      Arg z) { return write(root(z), t.writer(), z.expr(), 1); }};
}

Writer TextCoder::writer() const {
  Writer w{.vocabulary = vocabulary, .length = length};
  if (convolves()) {
    w.start = [t = *this](const Scope& s, Expr z) {
      std::vector<Expr> state{t.of_code(s, z, t.units)};
      for (int64_t i = 0; i < t.depth; ++i)
        state.push_back(zeros(s.graph(), {z.dim(0), (kTaps - 1) * dilation(i), t.units}));
      return state;
    };
    w.next = [t = *this](const Scope& s, std::vector<Expr>& state, Expr before) {
      const int64_t n = before.dim(0);
      Expr h = reshape(t.convolved_input(s, before) + state[0], {n, 1, t.units});
      for (int64_t i = 0; i < t.depth; ++i) {
        Expr& past = state[static_cast<size_t>(i) + 1];
        const Expr all = concat({past, h}, 1);
        h = t.convolution(s, i, all, false);
        past = slice(all, 1, 1, past.dim(1));
      }
      return t.logits(s, reshape(h, {n, t.units}));
    };
    return w;
  }
  w.start = [t = *this](const Scope& s, Expr z) {
    const Cell writer = t.writing_cell(s);
    std::vector<Expr> state{t.of_code(s, z, writer.gates() * t.units)};
    for (const Expr& e : writer.start(t.first_state(s, z))) state.push_back(e);
    return state;
  };
  w.next = [t = *this](const Scope& s, std::vector<Expr>& state, Expr before) {
    const Cell writer = t.writing_cell(s);
    const CellState after = writer.step(writer.project_rows(t.table(s), before) + state[0],
                                        {state.begin() + 1, state.end()});
    std::copy(after.begin(), after.end(), state.begin() + 1);
    return t.logits(s, after[0]);
  };
  return w;
}

std::vector<LayerInfo> TextCoder::layers(int64_t heads) const {
  const int64_t gates = cell == "lstm" ? 4 : 3, width = gates * units;
  const int64_t of_cell = (embedding + units + 1) * width + (cell == "lstm" ? 0 : units);
  const int64_t steps = (embedding + units) * width * length;
  std::vector<LayerInfo> all = {
      {"embedding",
       "embed " + std::to_string(embedding),
       {length, embedding},
       vocabulary * embedding,
       0},
      {"encoder/cell", cell + " " + std::to_string(units), {units}, of_cell, steps},
      {heads == 1 ? "encoder/code" : "encoder/mean, logvar",
       "dense " + std::to_string(latent),
       {latent},
       heads * (units + 1) * latent,
       heads * units * latent}};
  if (convolves()) {
    all.push_back({"decoder/code",
                   "dense " + std::to_string(units),
                   {units},
                   latent * units,
                   latent * units});
    all.push_back({"decoder/in",
                   "dense " + std::to_string(units),
                   {length, units},
                   (embedding + 1) * units,
                   embedding * units * length});
    for (int64_t i = 0; i < depth; ++i) {
      all.push_back({"decoder/" + std::to_string(i),
                     "causal conv " + std::to_string(units) + " " + std::to_string(kTaps) +
                         " dilated " + std::to_string(dilation(i)),
                     {length, units},
                     (kTaps * units + 1) * units,
                     kTaps * units * units * length});
    }
  } else {
    all.push_back({"decoder/code",
                   "dense " + std::to_string(width),
                   {width},
                   latent * width,
                   latent * width});
    all.push_back({"decoder/start",
                   "dense " + std::to_string(units),
                   {units},
                   (latent + 1) * units,
                   latent * units});
    all.push_back(
        {"decoder/cell", cell + " " + std::to_string(units), {length, units}, of_cell, steps});
  }
  all.push_back({"decoder/out",
                 "dense " + std::to_string(vocabulary),
                 {length, vocabulary},
                 (units + 1) * vocabulary,
                 units * vocabulary * length});
  return all;
}

}  // namespace latent::models
