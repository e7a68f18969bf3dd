// The tile interpreter; see fused.h.
#include "kernels/fused.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "base/memory.h"
#include "kernels/convert.h"
#include "kernels/named.h"
#include "kernels/reduce.h"
#include "latent/error.h"

namespace latent::kernels {

namespace {

constexpr int kRegisters = 40;  // tiles of 1 KiB that a part may hold at once
constexpr size_t kEnds = 32;    // outputs that a chain may have
constexpr auto kTileLength = static_cast<int64_t>(kTile);
constexpr auto kBlock = static_cast<int64_t>(kSumBlock);

/// Rows of a block of a column sum: a function of the rows alone.
int64_t column_block(int64_t rows) { return std::max<int64_t>(32, (rows + 63) / 64); }

/// Where a value lives while a tile is worked on: in a register, or in the memory of an operand.
struct Place {
  bool operand = false;
  int index = -1;  // of the register, or of the output; -1 in the memory of an input
};

/// A program with its registers given out and its work cut.
struct Bound {
  FusedProgram p;
  const NamedKernel* named = nullptr;
  std::vector<Place> places;  // of each value
  int registers = 0;
  int parts = 1;
  int64_t unit = 1;  // rows (or columns, when flat) that are never cut apart
  int64_t units = 1;
  bool flat = false;            // rows == 1: parts cut the columns
  std::vector<size_t> scratch;  // bytes before each output's partial results
  size_t scratch_bytes = 0;

  size_t outputs() const { return p.outputs.size(); }
  bool short_rows() const { return !flat && p.cols <= kTileLength; }  // several make a tile
  /// Of output o: blocks that are summed apart, one where it is not summed, and floats of each.
  int64_t blocks(size_t o) const {
    const End end = p.outputs[o].end;
    const int64_t rows = column_block(p.rows);
    return end == End::column_sum      ? (p.rows + rows - 1) / rows
           : end != End::store && flat ? (p.cols + kBlock - 1) / kBlock
                                       : 1;
  }
  int64_t width(size_t o) const { return p.outputs[o].end == End::column_sum ? p.cols : 1; }
  uint64_t pieces() const;
  void run(int part, void* const* operands, std::byte* scratch_base) const;
  void interpret(const ChainPiece& piece, void* const* operands) const;
  void combine(size_t o, void* const* operands, const std::byte* scratch_base) const;
};

/// The running state of one part.
struct Worker {
  Worker(const Bound& bound, void* const* memory) : b(bound), operands(memory) {}

  const Bound& b;
  void* const* operands;
  alignas(64) float registers[kRegisters * kTile];
  float* at[kRegisters + 64];  // of each value, for this tile

  float* reg(int i) { return registers + static_cast<size_t>(i) * kTile; }
  void fixed_inputs(int64_t span);
  void tile(int64_t row, int64_t col, int64_t rows, int64_t width);
};

/// Fills what does not change from tile to tile: scalars, constants, short repeated rows.
void Worker::fixed_inputs(int64_t span) {
  const FusedProgram& p = b.p;
  for (size_t i = 0; i < p.inputs.size(); ++i) {
    const auto* src = static_cast<const std::byte*>(operands[b.outputs() + i]);
    const Access access = p.inputs[i].access;
    if (b.places[i].operand) continue;
    float* dst = at[i] = reg(b.places[i].index);
    if (access == Access::scalar) {
      float v;
      to_floats(p.inputs[i].element, src, &v, 1);
      std::fill_n(dst, kTile, v);
    } else if (access == Access::row && b.short_rows()) {
      for (int64_t r = 0; r < span; ++r)
        to_floats(p.inputs[i].element, src, dst + r * p.cols, static_cast<size_t>(p.cols));
    }
  }
  for (size_t k = 0; k < p.constants.size(); ++k) {
    const size_t v = p.inputs.size() + k;
    at[v] = reg(b.places[v].index);
    std::fill_n(at[v], kTile, p.constants[k]);
  }
}

/// One tile: `width` elements of each row from (row, col) on; several rows, whole, when they are
/// short.
void Worker::tile(int64_t row, int64_t col, int64_t rows, int64_t width) {
  const FusedProgram& p = b.p;
  const size_t count = static_cast<size_t>(rows * width),
               offset = static_cast<size_t>(row * p.cols + col);
  for (size_t i = 0; i < p.inputs.size(); ++i) {
    const FusedInput& input = p.inputs[i];
    if (input.access == Access::scalar || (input.access == Access::row && b.short_rows())) continue;
    void* memory = operands[b.outputs() + i];
    const bool column = input.access == Access::column;
    const int64_t stride = input.access == Access::row ? 0 : input.stride ? input.stride : p.cols;
    const int64_t from = column ? row : input.offset + row * stride + col;
    if (b.places[i].operand) {
      at[i] = static_cast<float*>(memory) + from;
      continue;
    }
    const size_t size = size_of(input.element);
    const auto* src = static_cast<const std::byte*>(memory) + static_cast<size_t>(from) * size;
    if (column) {
      float v[kTile];
      to_floats(input.element, src, v, static_cast<size_t>(rows));
      for (int64_t r = 0; r < rows; ++r) std::fill_n(at[i] + r * width, width, v[r]);
    } else if (input.stride) {
      for (int64_t r = 0; r < rows; ++r, src += static_cast<size_t>(stride) * size)
        to_floats(input.element, src, at[i] + r * width, static_cast<size_t>(width));
    } else {
      to_floats(input.element, src, at[i], count);
    }
  }
  const size_t first = p.inputs.size() + p.constants.size();
  for (size_t s = 0; s < p.steps.size(); ++s) {
    const FusedStep& step = p.steps[s];
    const Place& place = b.places[first + s];
    float* dst =
        place.operand ? static_cast<float*>(operands[place.index]) + offset : reg(place.index);
    at[first + s] = dst;
    step.op->fn(dst, at[step.src[0]], step.src[1] >= 0 ? at[step.src[1]] : nullptr,
                step.src[2] >= 0 ? at[step.src[2]] : nullptr, count);
  }
}

int64_t chunk_of(int64_t cols) {
  if (cols <= kTileLength || cols > kBlock) return kTileLength;
  const int64_t count = (cols + kTileLength - 1) / kTileLength;
  return std::min(kTileLength, ((cols + count - 1) / count + 15) / 16 * 16);
}

void Bound::run(int part, void* const* operands, std::byte* scratch_base) const {
  const int64_t begin = units * part / parts * unit,
                end = std::min(units * (part + 1) / parts * unit, flat ? p.cols : p.rows);
  float* partials[kEnds];
  for (size_t o = 0; o < outputs(); ++o)
    partials[o] = blocks(o) > 1 ? reinterpret_cast<float*>(scratch_base + scratch[o]) : nullptr;
  const ChainPiece piece = {p.cols,           flat ? 0 : begin,    flat ? 1 : end,
                            flat ? begin : 0, flat ? end : p.cols, column_block(p.rows),
                            partials,         p.inputs.data()};
  if (named)
    named->fn(operands, p.constants.data(), piece);
  else
    interpret(piece, operands);
}

void Bound::interpret(const ChainPiece& piece, void* const* operands) const {
  Worker w(*this, operands);
  const bool short_rows = this->short_rows();
  const int64_t span_rows = short_rows ? kTileLength / p.cols : 1;
  w.fixed_inputs(std::min(span_rows, p.rows));
  const int64_t chunk = chunk_of(p.cols);
  struct Row {  // the running reduction of a row
    float lanes[kLanes];
    float total;
  };
  Row state[kEnds];
  for (int64_t row = piece.row_begin; row < piece.row_end;) {
    int64_t rows = std::min(span_rows, piece.row_end - row);
    if (short_rows) rows = std::min(rows, piece.block_rows - row % piece.block_rows);
    for (size_t o = 0; o < outputs(); ++o) {
      if (p.outputs[o].end == End::column_sum && row % piece.block_rows == 0)
        std::fill_n(piece.column_sums(o, row, operands), p.cols, 0.f);
    }
    for (int64_t col = piece.col_begin; col < piece.col_end;) {
      const int64_t width =
          short_rows ? p.cols : std::min({chunk, piece.col_end - col, kBlock - col % kBlock});
      w.tile(row, col, rows, width);
      for (size_t o = 0; o < outputs(); ++o) {
        const FusedOutput& out = p.outputs[o];
        const float* v = w.at[out.value];
        if (out.end == End::store) {
          const Place& place = places[static_cast<size_t>(out.value)];
          if (place.operand && place.index == static_cast<int>(o)) continue;  // already there
          from_floats(out.element, v,
                      static_cast<std::byte*>(operands[o]) +
                          static_cast<size_t>(row * p.cols + col) * size_of(out.element),
                      static_cast<size_t>(rows * width));
          continue;
        }
        if (out.end == End::column_sum) {
          float* sums = piece.column_sums(o, row, operands) + col;
          for (int64_t r = 0; r < rows; ++r, v += width)
            add_into(sums, v, static_cast<size_t>(width));
          continue;
        }
        const bool sum = out.end == End::row_sum;
        float* blocks = piece.partial[o];  // of the row's blocks, each apart
        for (int64_t r = 0; r < rows; ++r, v += width) {
          Row& s = state[o];
          const bool first = blocks || col < kBlock;  // block of its total
          if (col % kBlock == 0) std::fill_n(s.lanes, kLanes, 0.f);
          if (col % kBlock == 0 && first) s.total = -std::numeric_limits<float>::infinity();
          if (sum)
            accumulate_lanes(s.lanes, v, static_cast<size_t>(width));
          else
            s.total = max_of(s.total, v, static_cast<size_t>(width));
          const int64_t next = col + width;
          if (next < p.cols && next % kBlock) continue;
          if (sum) s.total = first ? fold_lanes(s.lanes) : s.total + fold_lanes(s.lanes);
          if (blocks)
            blocks[col / kBlock] = s.total;
          else if (next == p.cols)
            static_cast<float*>(operands[o])[row + r] = s.total;
        }
      }
      col += width;
    }
    row += rows;
  }
}

/// Adds the partial results of output o in order.
void Bound::combine(size_t o, void* const* operands, const std::byte* scratch_base) const {
  const auto* from = reinterpret_cast<const float*>(scratch_base + scratch[o]);
  auto* to = static_cast<float*>(operands[o]);
  if (p.outputs[o].end == End::row_max) {
    to[0] = max_of(-std::numeric_limits<float>::infinity(), from, static_cast<size_t>(blocks(o)));
    return;
  }
  const auto n = static_cast<size_t>(width(o));
  std::copy_n(from, n, to);
  for (int64_t k = 1; k < blocks(o); ++k) add_into(to, from + k * width(o), n);
}

/// Operands that a part touches a piece of: what has an element a row, and what is not summed over
/// parts.
uint64_t Bound::pieces() const {
  uint64_t touched = 0;
  const auto add = [&](size_t operand, bool piece) {
    if (piece && operand < 64) touched |= uint64_t{1} << operand;
  };
  for (size_t o = 0; o < outputs(); ++o) {
    const End end = p.outputs[o].end;
    add(o, end == End::store || (!flat && end != End::column_sum));
  }
  for (size_t i = 0; i < p.inputs.size(); ++i) {
    const FusedInput& in = p.inputs[i];
    add(outputs() + i, in.whole() || (!flat && in.access == Access::column));
  }
  return touched;
}

/// The call of a program without elements: sums and maxima of nothing.
Call of_nothing(const FusedProgram& p) {
  Call call;
  call.kernel = "chain " + p.text();
  call.traffic = p.traffic();
  call.run = [p](int, void* const* operands, std::byte*, const RunState&) {
    for (size_t o = 0; o < p.outputs.size(); ++o) {
      const End end = p.outputs[o].end;
      if (end == End::store) continue;
      std::fill_n(static_cast<float*>(operands[o]), p.elements(end),
                  end == End::row_max ? -std::numeric_limits<float>::infinity() : 0.f);
    }
  };
  return call;
}

/// Gives each value a register, or the operand's own memory where it can be used in place.
void give_registers(Bound& b, const std::vector<int>& in_place) {
  const FusedProgram& p = b.p;
  const size_t first = p.inputs.size() + p.constants.size(), values = first + p.steps.size();
  const auto forever = static_cast<int>(p.steps.size());
  std::vector<int> last(values, -1);
  for (size_t s = 0; s < p.steps.size(); ++s) {
    for (int v : p.steps[s].src) {
      if (v >= 0) last[static_cast<size_t>(v)] = static_cast<int>(s);
    }
  }
  // An input that a reduction reads at the end is copied out of memory that an output takes over.
  std::vector<bool> copied(p.inputs.size(), false);
  for (const int shared : in_place) {
    for (const FusedOutput& out : p.outputs) {
      if (shared >= 0 && out.value == shared) copied[static_cast<size_t>(shared)] = true;
    }
  }
  b.places.resize(values);
  for (size_t o = 0; o < p.outputs.size(); ++o) {
    const FusedOutput& out = p.outputs[o];
    const auto v = static_cast<size_t>(out.value);
    bool direct =
        out.end == End::store && out.element == DType::f32 && v >= first && !b.places[v].operand;
    // Memory shared with an input must not be written before that input's last read of the tile.
    if (direct && in_place[o] >= 0 && !copied[static_cast<size_t>(in_place[o])] &&
        last[static_cast<size_t>(in_place[o])] > static_cast<int>(v - first))
      direct = false;
    if (direct)
      b.places[v] = {true, static_cast<int>(o)};
    else
      last[v] = forever;
  }
  std::vector<int> free;
  const auto take = [&] {
    if (free.empty()) return b.registers++;
    const int r = free.back();
    free.pop_back();
    return r;
  };
  for (size_t v = 0; v < first; ++v) {
    const bool direct = v < p.inputs.size() && !copied[v] && p.inputs[v].element == DType::f32 &&
                        ((p.inputs[v].access == Access::full && !p.inputs[v].stride) ||
                         (p.inputs[v].access == Access::row && !b.short_rows()));
    b.places[v] = direct ? Place{true} : Place{false, take()};
  }
  for (size_t s = 0; s < p.steps.size(); ++s) {
    if (!b.places[first + s].operand) b.places[first + s] = {false, take()};
    // Inputs and constants stay filled for the next tile.
    for (size_t v = first; v <= first + s; ++v) {
      if (!b.places[v].operand &&
          (last[v] == static_cast<int>(s) || (last[v] < 0 && v == first + s)))
        free.push_back(b.places[v].index);
    }
  }
  if (b.registers > kRegisters || values > kRegisters + 64 || p.outputs.size() > kEnds)
    throw InternalError("a fused chain is too long");
}

}  // namespace

std::string FusedProgram::text() const {
  std::string s;
  for (const FusedInput& i : inputs) s += "frcs"[static_cast<int>(i.access)];
  s += ":" + std::to_string(constants.size());
  for (const FusedStep& step : steps) {
    s += " " + std::string(step.op->name);
    for (int v : step.src) {
      if (v >= 0) s += "," + std::to_string(v);
    }
  }
  for (const FusedOutput& o : outputs)
    s += " " + std::string(1, "=+^|"[static_cast<int>(o.end)]) + std::to_string(o.value);
  return s;
}

int64_t FusedProgram::elements(Access a) const {
  return a == Access::full ? rows * cols : a == Access::row ? cols : a == Access::column ? rows : 1;
}
int64_t FusedProgram::elements(End e) const {
  return e == End::store ? rows * cols : e == End::column_sum ? cols : rows;
}

Traffic FusedProgram::traffic() const {
  Traffic t;
  for (const FusedOutput& o : outputs)
    t.written.push_back(static_cast<size_t>(elements(o.end)) * size_of(o.element));
  for (const FusedInput& i : inputs)
    t.read.push_back(static_cast<size_t>(elements(i.access)) * size_of(i.element));
  return t;
}

std::vector<Call> bind_fused(const FusedProgram& program, const std::vector<int>& in_place,
                             bool named, int parts) {
  if (program.rows == 0 || program.cols == 0) return {of_nothing(program)};
  auto b = std::make_shared<Bound>();
  b->p = program;
  FusedProgram& p = b->p;
  bool rows_matter = false, sums_columns = false, sums_rows = false, plain = true;
  for (const FusedInput& i : p.inputs) {
    rows_matter |= i.access == Access::row || i.access == Access::column || i.stride;
    plain &= i.element == DType::f32;
  }
  for (const FusedOutput& o : p.outputs) {
    rows_matter |= o.end != End::store;
    sums_columns |= o.end == End::column_sum;
    sums_rows |= o.end == End::row_sum || o.end == End::row_max;
    plain &= o.element == DType::f32;
  }
  if (!rows_matter) {
    p.cols *= p.rows;
    p.rows = 1;
  }
  b->flat = p.rows == 1 && !sums_columns;
  const int64_t extent = b->flat ? p.cols : p.rows;
  b->unit = b->flat ? (sums_rows ? kBlock : 1024) : sums_columns ? column_block(p.rows) : 1;
  b->units = (extent + b->unit - 1) / b->unit;
  const int64_t work = p.rows * p.cols * static_cast<int64_t>(p.steps.size() + 2);
  b->parts = parts_for(work, 65536, b->units);
  // Equal pieces where they can be, of elements or of whole units; of much work as many as
  // convolutions have, so that these can follow.
  const auto equal = [&](int64_t n) {
    return extent % n == 0 && ((b->flat && !sums_rows) || extent / n % b->unit == 0);
  };
  const int wanted = parts ? parts : b->parts > 4 && equal(16) ? 16 : b->parts;
  const bool pieces = equal(wanted);
  if (pieces) {
    b->parts = wanted;
    b->units = wanted;
    b->unit = extent / wanted;
  }
  std::vector<size_t> partials;
  for (size_t o = 0; o < p.outputs.size(); ++o) {
    b->scratch.push_back(b->scratch_bytes);
    if (b->blocks(o) == 1) continue;
    partials.push_back(o);
    b->scratch_bytes +=
        aligned_size(static_cast<size_t>(b->blocks(o) * b->width(o)) * sizeof(float));
  }
  Call main;
  main.parts = b->parts;
  main.scratch_bytes = b->scratch_bytes;
  main.traffic = p.traffic();
  if (pieces) main.pieces = b->pieces();
  if (named && plain) b->named = find_named(p.text());
  if (!b->named) give_registers(*b, in_place);
  main.kernel = b->named ? b->named->name : "chain " + p.text();
  main.run = [b](int part, void* const* operands, std::byte* scratch, const RunState&) {
    b->run(part, operands, scratch);
  };
  std::vector<Call> calls = {std::move(main)};
  if (!partials.empty()) {
    Call combine;
    combine.kernel = "combine";
    combine.parts = static_cast<int>(partials.size());
    combine.run = [b, partials](int part, void* const* operands, std::byte* scratch,
                                const RunState&) {
      b->combine(partials[static_cast<size_t>(part)], operands, scratch);
    };
    calls.push_back(combine);
  }
  return calls;
}

}  // namespace latent::kernels
