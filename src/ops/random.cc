// Noise as nodes. Counter and key: kernels/random.h. Each node has a stream of its own: the scope's
// path and the number of the draw in that scope; so two draws are never the same, and a pass that
// reorders nodes changes nothing.
#include "kernels/random.h"

#include <algorithm>

#include "base/hash.h"
#include "ops/family.h"

namespace latent {
namespace ops {

namespace {

/// normal_rows or uniform_rows of kernels/random.h.
using RowsFn = void (*)(const kernels::NoiseKey&, const int32_t*, size_t, float*, size_t);

Op noise_op(const char* name, const char* doc, RowsFn draw) {
  return {
      .name = name,
      .doc = doc,
      .in = {"row"},
      .attrs = {{"shape", AttrKind::ints}, {"stream", AttrKind::word}},
      .kind = Kind::varying,
      .type = [](const TypeContext& c) -> ResultType {
        expect_type(c, 0, DType::i32);
        const Shape s = shape_of(c.attrs.ints("shape"));
        if (s.rank() < 1 || c.shapes[0].rank() != 1 || s[0] != c.shapes[0][0]) {
          c.refuse("the first axis of " + s.text() + " must be the rows " + c.shapes[0].text());
        }
        return {s, DType::f32};
      },
      .grad = flat,
      .kernel = ir::BindFn([name, draw](const ir::BindContext& c) {
        const int64_t rows = c.node.shape[0], cols = split_at(c.node.shape, 0).inner;
        kernels::Call call{.kernel = name, .parts = kernels::parts_for(rows * cols, 4096, rows)};
        call.run = [rows, cols, draw, parts = call.parts,
                    stream = hash_name(c.node.attrs.word("stream"))](
                       int part, void* const* p, std::byte*, const kernels::RunState& s) {
          const auto key = kernels::noise_key(s.seed, stream, static_cast<uint32_t>(s.iteration),
                                              static_cast<uint32_t>(s.step));
          const int64_t begin = rows * part / parts, end = rows * (part + 1) / parts;
          draw(key, static_cast<const int32_t*>(p[1]) + begin, static_cast<size_t>(end - begin),
               static_cast<float*>(p[0]) + begin * cols, static_cast<size_t>(cols));
        };
        return std::vector{call};
      }),
      .reference = ir::TensorReference([draw](const RefCall& c) {
        const int64_t rows = c.out.shape[0], cols = split_at(c.out.shape, 0).inner;
        const auto key = kernels::noise_key(c.state.seed, hash_name(c.node.attrs.word("stream")),
                                            static_cast<uint32_t>(c.state.iteration),
                                            static_cast<uint32_t>(c.state.step));
        std::vector<float> row(static_cast<size_t>(cols));
        for (int64_t r = 0; r < rows; ++r) {
          const auto id = static_cast<int32_t>(c.in[0]->v[static_cast<size_t>(r)]);
          draw(key, &id, 1, row.data(), row.size());
          std::copy(row.begin(), row.end(), c.out.v.begin() + r * cols);
        }
      }),
      .domain = {
          .low = 0,
          .high = 100,
          .cases = {
              {{{6}}, {{"shape", Ints{6, 7}}, {"stream", std::string("a:0")}}, {DType::i32}}}}};
}

Expr draw(const char* op, const Scope& s, Shape shape, Where where) {
  where = ir::current_where(where);
  At at(where);
  if (shape.rank() < 1) throw UsageError(std::string(op) + ": a draw needs an axis of rows", where);
  Graph& g = s.graph();
  Graph* top = &g;  // a scan's body draws by the rows of the graph around it
  while (top->program().parent) top = top->program().parent;
  const std::string name = "row:" + std::to_string(shape[0]);
  int draws = 0;  // nodes with a stream
  for (const Graph* level = &g; level; level = level->program().parent) {
    for (const ir::Node& n : level->program().nodes) draws += n.attrs.find("stream") != nullptr;
  }
  const auto fed = top->program().feed(name);
  const Expr row = fed ? Expr{top, *fed} : top->feed(name, {shape[0]}, DType::i32, where);
  return ir::apply(g, ir::find_op(op), {row},
                   {{"shape", ints_of(shape)}, {"stream", s.path() + ":" + std::to_string(draws)}},
                   where);
}

}  // namespace

void add_random_ops(std::vector<Op>& table) {
  table.push_back(noise_op("random_normal",
                           "Standard normals; element (row, column) depends on seed, stream, step, "
                           "iteration and row id only.",
                           kernels::normal_rows));
  table.push_back(
      noise_op("random_uniform", "Uniforms in [0, 1), as random_normal.", kernels::uniform_rows));
}

}  // namespace ops

Expr normal(const Scope& s, Shape shape, Where where) {
  return ops::draw("random_normal", s, shape, where);
}
Expr uniform(const Scope& s, Shape shape, Where where) {
  return ops::draw("random_uniform", s, shape, where);
}

namespace {
Init drawn(std::string name, ops::RowsFn draw, double shift, double scale) {
  return {std::move(name), [draw, shift, scale](Tensor& t, uint64_t seed, uint64_t stream) {
            const auto key = kernels::noise_key(seed, stream, 0, 0);
            auto values = t.span<float>();
            // Rows of 4096 elements, so that the counter's element field never overflows.
            for (size_t at = 0; at < values.size(); at += 4096) {
              const size_t n = std::min<size_t>(4096, values.size() - at);
              const auto row = static_cast<int32_t>(at / 4096);
              draw(key, &row, 1, values.data() + at, n);
            }
            for (float& v : values) v = static_cast<float>(shift + scale * static_cast<double>(v));
          }};
}
}  // namespace

Init zeros() { return constant_init(0); }
Init constant_init(double value) {
  return {"constant", [value](Tensor& t, uint64_t, uint64_t) {
            if (t.dtype() == DType::i32)
              std::ranges::fill(t.span<int32_t>(), static_cast<int32_t>(value));
            else
              std::ranges::fill(t.span<float>(), static_cast<float>(value));
          }};
}
Init uniform_init(double low, double high) {
  return drawn("uniform", kernels::uniform_rows, low, high - low);
}
Init normal_init(double mean, double stddev) {
  return drawn("normal", kernels::normal_rows, mean, stddev);
}

}  // namespace latent
