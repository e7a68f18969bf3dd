// The tile interpreter; see fused.h.
#include "kernels/fused.h"

#include <algorithm>
#include <cstring>
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

size_t element_size(Element e) { return e == Element::bf16 ? 2 : e == Element::u8 ? 1 : 4; }

void load(Element e, const std::byte* src, float* dst, size_t n) {
  switch (e) {
    case Element::f32:
      std::memcpy(dst, src, n * 4);
      break;
    case Element::bf16:
      bf16_to_f32(reinterpret_cast<const uint16_t*>(src), dst, n);
      break;
    case Element::i32:
      i32_to_f32(reinterpret_cast<const int32_t*>(src), dst, n);
      break;
    case Element::u8:
      u8_to_f32(reinterpret_cast<const uint8_t*>(src), dst, n);
      break;
  }
}
void store(Element e, const float* src, std::byte* dst, size_t n) {
  switch (e) {
    case Element::f32:
      std::memcpy(dst, src, n * 4);
      break;
    case Element::bf16:
      f32_to_bf16(src, reinterpret_cast<uint16_t*>(dst), n);
      break;
    case Element::i32:
      f32_to_i32(src, reinterpret_cast<int32_t*>(dst), n);
      break;
    case Element::u8:
      throw InternalError("a chain cannot end in u8");
  }
}

/// Where a value lives while a tile is worked on.
struct Place {
  enum class In : uint8_t { registers, operand } in = In::registers;
  int index = 0;  // register or operand number
};

/// A program with its registers given out and its work cut.
struct Bound {
  FusedProgram p;
  std::vector<Place> places;      // of each value
  std::vector<bool> copy_at_end;  // output o is stored from its value's place after the steps
  int registers = 0;
  int parts = 1;
  int64_t unit = 1;  // rows (or columns, when flat) that are never cut apart
  int64_t units = 1;
  bool flat = false;  // rows == 1: parts cut the columns
  int64_t column_blocks = 1, row_blocks = 1;
  std::vector<size_t>
      scratch;  // byte offset of each output's partial results; valid where partial(o)
  size_t scratch_bytes = 0;

  size_t outputs() const { return p.outputs.size(); }
  bool partial(size_t o) const {
    const End end = p.outputs[o].end;
    return (end == End::column_sum && column_blocks > 1) ||
           (flat && row_blocks > 1 && (end == End::row_sum || end == End::row_max));
  }
  void run(int part, void* const* operands, std::byte* scratch_base) const;
  void run_named(const NamedKernel& kernel, int part, void* const* operands,
                 std::byte* scratch_base) const;
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
  void tile(int64_t row, int64_t col, int64_t rows, int64_t n);
};

/// Fills what does not change from tile to tile: scalars, constants, short repeated rows.
void Worker::fixed_inputs(int64_t span) {
  const FusedProgram& p = b.p;
  for (size_t i = 0; i < p.inputs.size(); ++i) {
    const auto* src = static_cast<const std::byte*>(operands[b.outputs() + i]);
    const Access access = p.inputs[i].access;
    if (b.places[i].in == Place::In::operand) continue;
    float* dst = at[i] = reg(b.places[i].index);
    if (access == Access::scalar) {
      float v;
      load(p.inputs[i].element, src, &v, 1);
      std::fill_n(dst, kTile, v);
    } else if (access == Access::row && p.cols <= kTileLength) {
      for (int64_t r = 0; r < span; ++r)
        load(p.inputs[i].element, src, dst + r * p.cols, static_cast<size_t>(p.cols));
    }
  }
  for (size_t k = 0; k < p.constants.size(); ++k) {
    const size_t v = p.inputs.size() + k;
    at[v] = reg(b.places[v].index);
    std::fill_n(at[v], kTile, p.constants[k]);
  }
}

/// One tile: n elements from (row, col); several whole rows when cols is short.
void Worker::tile(int64_t row, int64_t col, int64_t rows, int64_t n) {
  const FusedProgram& p = b.p;
  const size_t count = static_cast<size_t>(n), offset = static_cast<size_t>(row * p.cols + col);
  for (size_t i = 0; i < p.inputs.size(); ++i) {
    const FusedInput& input = p.inputs[i];
    auto* src = static_cast<std::byte*>(operands[b.outputs() + i]);
    const size_t size = element_size(input.element);
    if (input.access == Access::full && input.stride) {
      const int64_t width = n / rows;
      for (int64_t r = 0; r < rows; ++r) {
        const auto from = static_cast<size_t>(input.offset + (row + r) * input.stride + col);
        load(input.element, src + from * size, at[i] + r * width, static_cast<size_t>(width));
      }
    } else if (input.access == Access::full) {
      const size_t from = static_cast<size_t>(input.offset) + offset;
      if (b.places[i].in == Place::In::operand)
        at[i] = reinterpret_cast<float*>(src) + from;
      else
        load(input.element, src + from * size, at[i], count);
    } else if (input.access == Access::row && p.cols > kTileLength) {
      if (b.places[i].in == Place::In::operand)
        at[i] = reinterpret_cast<float*>(src) + col;
      else
        load(input.element, src + static_cast<size_t>(col) * size, at[i], count);
    } else if (input.access == Access::column) {
      float v[kTile];
      load(input.element, src + static_cast<size_t>(row) * size, v, static_cast<size_t>(rows));
      const int64_t width = n / rows;
      for (int64_t r = 0; r < rows; ++r) std::fill_n(at[i] + r * width, width, v[r]);
    }
  }
  const size_t first = p.inputs.size() + p.constants.size();
  for (size_t s = 0; s < p.steps.size(); ++s) {
    const FusedStep& step = p.steps[s];
    const Place& place = b.places[first + s];
    float* dst = place.in == Place::In::operand
                     ? static_cast<float*>(operands[place.index]) + offset
                     : reg(place.index);
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
  Worker w(*this, operands);
  const int64_t begin = units * part / parts * unit,
                end = std::min(units * (part + 1) / parts * unit, flat ? p.cols : p.rows);
  const int64_t row_begin = flat ? 0 : begin, row_end = flat ? 1 : end,
                col_begin = flat ? begin : 0, col_end = flat ? end : p.cols;
  const bool short_rows = !flat && p.cols <= kTileLength;
  const int64_t span_rows =
      short_rows ? std::max<int64_t>(1, kTileLength / std::max<int64_t>(1, p.cols)) : 1;
  w.fixed_inputs(std::min(span_rows, p.rows));
  const int64_t block_rows = column_block(p.rows), chunk = chunk_of(p.cols);

  struct Row {  // the running reduction of a row
    float lanes[kLanes];
    float total;
  };
  Row state[kEnds];
  const auto column_target = [&](size_t o, int64_t row) {
    return partial(o)
               ? reinterpret_cast<float*>(scratch_base + scratch[o]) + row / block_rows * p.cols
               : static_cast<float*>(operands[o]);
  };
  for (int64_t row = row_begin; row < row_end;) {
    int64_t rows = std::min(span_rows, row_end - row);
    if (short_rows) rows = std::min(rows, block_rows - row % block_rows);
    for (size_t o = 0; o < outputs(); ++o) {
      if (p.outputs[o].end == End::column_sum && row % block_rows == 0)
        std::fill_n(column_target(o, row), p.cols, 0.f);
    }
    for (int64_t col = col_begin; col < col_end;) {
      int64_t n =
          short_rows ? rows * p.cols : std::min({chunk, col_end - col, kBlock - col % kBlock});
      if (n == 0) break;
      w.tile(row, col, rows, n);
      const int64_t width = short_rows ? p.cols : n;
      for (size_t o = 0; o < outputs(); ++o) {
        const FusedOutput& out = p.outputs[o];
        const float* v = w.at[out.value];
        switch (out.end) {
          case End::store:
            if (copy_at_end[o]) {
              store(out.element, v,
                    static_cast<std::byte*>(operands[o]) +
                        static_cast<size_t>(row * p.cols + col) * element_size(out.element),
                    static_cast<size_t>(n));
            }
            break;
          case End::column_sum: {
            float* acc = column_target(o, row) + col;
            for (int64_t r = 0; r < rows; ++r)
              add_into(acc, v + r * width, static_cast<size_t>(width));
            break;
          }
          case End::row_sum:
          case End::row_max:
            for (int64_t r = 0; r < rows; ++r) {
              Row& s = state[o];
              const bool sum = out.end == End::row_sum;
              if (col % kBlock == 0) std::fill_n(s.lanes, kLanes, 0.f);
              if (col == 0 || (flat && col % kBlock == 0))
                s.total = sum ? 0.f : -std::numeric_limits<float>::infinity();
              if (!sum)
                s.total = max_of(s.total, v + r * width, static_cast<size_t>(width));
              else
                accumulate_lanes(s.lanes, v + r * width, static_cast<size_t>(width));
              const int64_t next = col + width;
              const bool row_done = next == p.cols, block_done = row_done || next % kBlock == 0;
              if (sum && block_done)
                s.total =
                    col / kBlock == 0 || flat ? fold_lanes(s.lanes) : s.total + fold_lanes(s.lanes);
              if (partial(o) ? block_done : row_done) {
                (partial(o) ? reinterpret_cast<float*>(scratch_base + scratch[o])[col / kBlock]
                            : static_cast<float*>(operands[o])[row + r]) = s.total;
              }
            }
            break;
        }
      }
      col += short_rows ? p.cols : n;
    }
    row += rows;
  }
  // Empty rows still have a sum.
  if (p.cols == 0) {
    for (size_t o = 0; o < outputs(); ++o) {
      const bool maximum = p.outputs[o].end == End::row_max;
      if (maximum || p.outputs[o].end == End::row_sum) {
        std::fill(static_cast<float*>(operands[o]) + row_begin,
                  static_cast<float*>(operands[o]) + row_end,
                  maximum ? -std::numeric_limits<float>::infinity() : 0.f);
      }
    }
  }
  if (p.rows == 0) {
    for (size_t o = 0; o < outputs(); ++o) {
      if (p.outputs[o].end == End::column_sum)
        std::fill_n(static_cast<float*>(operands[o]), p.cols, 0.f);
    }
  }
}

void Bound::run_named(const NamedKernel& kernel, int part, void* const* operands,
                      std::byte* scratch_base) const {
  const int64_t begin = units * part / parts * unit,
                end = std::min(units * (part + 1) / parts * unit, flat ? p.cols : p.rows);
  float* partials[kEnds];
  for (size_t o = 0; o < outputs(); ++o)
    partials[o] = partial(o) ? reinterpret_cast<float*>(scratch_base + scratch[o]) : nullptr;
  kernel.fn(operands, p.constants.data(),
            {p.cols, flat ? 0 : begin, flat ? 1 : end, flat ? begin : 0, flat ? end : p.cols,
             column_block(p.rows), partials, p.inputs.data()});
}

/// Adds the partial results of output o in order.
void Bound::combine(size_t o, void* const* operands, const std::byte* scratch_base) const {
  const auto* from = reinterpret_cast<const float*>(scratch_base + scratch[o]);
  auto* to = static_cast<float*>(operands[o]);
  if (p.outputs[o].end == End::column_sum) {
    std::memcpy(to, from, static_cast<size_t>(p.cols) * 4);
    for (int64_t k = 1; k < column_blocks; ++k)
      add_into(to, from + k * p.cols, static_cast<size_t>(p.cols));
  } else if (p.outputs[o].end == End::row_max) {
    to[0] = max_of(-std::numeric_limits<float>::infinity(), from, static_cast<size_t>(row_blocks));
  } else {
    float total = from[0];
    for (int64_t k = 1; k < row_blocks; ++k) total += from[k];
    to[0] = total;
  }
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
    if (shared < 0) continue;
    for (const FusedOutput& out : p.outputs)
      copied[static_cast<size_t>(shared)] =
          copied[static_cast<size_t>(shared)] || out.value == shared;
  }
  const std::vector<int> last_read = last;
  b.places.resize(values);
  b.copy_at_end.assign(p.outputs.size(), false);
  std::vector<bool> placed(values, false);
  for (size_t o = 0; o < p.outputs.size(); ++o) {
    const FusedOutput& out = p.outputs[o];
    const auto v = static_cast<size_t>(out.value);
    bool direct = out.end == End::store && out.element == Element::f32 && v >= first && !placed[v];
    // Memory shared with an input must not be written before that input's last read of the tile.
    if (direct && in_place[o] >= 0 && !copied[static_cast<size_t>(in_place[o])] &&
        last_read[static_cast<size_t>(in_place[o])] > static_cast<int>(v - first))
      direct = false;
    if (direct) {
      b.places[v] = {Place::In::operand, static_cast<int>(o)};
      placed[v] = true;
    } else {
      b.copy_at_end[o] = out.end == End::store;
      last[v] = forever;
    }
  }
  std::vector<int> free;
  const auto take = [&] {
    if (free.empty()) return b.registers++;
    const int r = free.back();
    free.pop_back();
    return r;
  };
  for (size_t v = 0; v < first; ++v) {
    const bool input = v < p.inputs.size();
    const bool direct = input && !copied[v] && p.inputs[v].element == Element::f32 &&
                        ((p.inputs[v].access == Access::full && !p.inputs[v].stride) ||
                         (p.inputs[v].access == Access::row && p.cols > kTileLength));
    b.places[v] = direct ? Place{Place::In::operand, static_cast<int>(v)}
                         : Place{Place::In::registers, take()};
  }
  for (size_t s = 0; s < p.steps.size(); ++s) {
    if (!placed[first + s]) b.places[first + s] = {Place::In::registers, take()};
    for (size_t v = first; v <= first + s;
         ++v) {  // inputs and constants stay filled for the next tile
      const bool mine = b.places[v].in == Place::In::registers;
      if (mine && (last[v] == static_cast<int>(s) || (last[v] < 0 && v == first + s)))
        free.push_back(b.places[v].index);
    }
  }
  if (b.registers > kRegisters || values > kRegisters + 64 || p.outputs.size() > kEnds)
    throw InternalError("a fused chain is too long");
}

}  // namespace

int64_t column_block(int64_t rows) { return std::max<int64_t>(32, (rows + 63) / 64); }

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

/// Operands that a part touches a piece of: what has an element a row, and what is not summed over
/// parts.
uint64_t pieces_of(const Bound& b) {
  uint64_t pieces = 0;
  const auto add = [&](size_t operand, bool piece) {
    if (piece && operand < 64) pieces |= uint64_t{1} << operand;
  };
  for (size_t o = 0; o < b.outputs(); ++o) {
    const End end = b.p.outputs[o].end;
    add(o, end == End::store || (!b.flat && end != End::column_sum));
  }
  for (size_t i = 0; i < b.p.inputs.size(); ++i) {
    const FusedInput& in = b.p.inputs[i];
    add(b.outputs() + i, in.whole() || (!b.flat && in.access == Access::column));
  }
  return pieces;
}

std::vector<Call> bind_fused(const FusedProgram& program, const std::vector<int>& in_place,
                             bool named, int parts) {
  auto b = std::make_shared<Bound>();
  b->p = program;
  FusedProgram& p = b->p;
  bool rows_matter = false, sums_columns = false, sums_rows = false, plain = true;
  for (const FusedInput& i : p.inputs) {
    rows_matter |= i.access == Access::row || i.access == Access::column || i.stride;
    plain &= i.element == Element::f32;
  }
  for (const FusedOutput& o : p.outputs) {
    rows_matter |= o.end != End::store;
    sums_columns |= o.end == End::column_sum;
    sums_rows |= o.end == End::row_sum || o.end == End::row_max;
    plain &= o.element == Element::f32;
  }
  if (!rows_matter) {
    p.cols *= p.rows;
    p.rows = 1;
  }
  b->flat = p.rows == 1 && !sums_columns;
  b->column_blocks =
      std::max<int64_t>(1, (p.rows + column_block(p.rows) - 1) / column_block(p.rows));
  b->row_blocks = std::max<int64_t>(1, (p.cols + kBlock - 1) / kBlock);
  const int64_t extent = b->flat ? p.cols : p.rows;
  b->unit = b->flat ? (sums_rows ? kBlock : 1024) : sums_columns ? column_block(p.rows) : 1;
  b->units = std::max<int64_t>(1, (extent + b->unit - 1) / b->unit);
  const int64_t work = p.rows * p.cols * static_cast<int64_t>(p.steps.size() + 2);
  b->parts = parts_for(work, 65536, b->units);
  // Equal pieces where they can be, of elements or of whole units; of much work as many as
  // convolutions have, so that these can follow.
  const auto equal = [&](int64_t n) {
    return extent > 0 && extent % n == 0 && ((b->flat && !sums_rows) || extent / n % b->unit == 0);
  };
  const int wanted = parts ? parts : b->parts > 4 && equal(16) ? 16 : b->parts;
  const bool pieces = equal(wanted);
  if (pieces) {
    b->parts = wanted;
    b->units = wanted;
    b->unit = extent / wanted;
  }
  for (size_t o = 0; o < p.outputs.size(); ++o) {
    b->scratch.push_back(b->scratch_bytes);
    if (!b->partial(o)) continue;
    const int64_t n =
        p.outputs[o].end == End::column_sum ? b->column_blocks * p.cols : b->row_blocks;
    b->scratch_bytes += aligned_size(static_cast<size_t>(n) * sizeof(float));
  }
  std::vector<Call> calls;
  Call main;
  main.parts = b->parts;
  main.scratch_bytes = b->scratch_bytes;
  if (pieces) main.pieces = pieces_of(*b);
  const NamedKernel* kernel =
      named && plain && p.rows > 0 && p.cols > 0 ? find_named(p.text()) : nullptr;
  if (kernel) {
    main.kernel = kernel->name;
    main.run = [b, kernel](int part, void* const* operands, std::byte* scratch, const RunState&) {
      b->run_named(*kernel, part, operands, scratch);
    };
  } else {
    give_registers(*b, in_place);
    main.kernel = "chain " + p.text();
    main.run = [b](int part, void* const* operands, std::byte* scratch, const RunState&) {
      b->run(part, operands, scratch);
    };
  }
  calls.push_back(main);
  std::vector<size_t> partials;
  for (size_t o = 0; o < p.outputs.size(); ++o) {
    if (b->partial(o)) partials.push_back(o);
  }
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
