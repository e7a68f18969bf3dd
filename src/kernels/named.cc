// The named kernels; see named.h. A pattern is one line of LATENT_NAMED_CHAINS: its name and its
// text. The code of each is made for AVX2 and better and chosen once at run time.
#include "kernels/named.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "kernels/chain_shape.h"
#include "kernels/layout.h"
#include "kernels/reduce.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/named.cc"
#include "hwy/foreach_target.h"
// foreach_target must come before these.
#include "hwy/highway.h"
#include "kernels/named_chains.h"
#include "kernels/tile_ops_inl.h"

HWY_BEFORE_NAMESPACE();
namespace latent::kernels {
namespace HWY_NAMESPACE {

#if HWY_TARGET <= HWY_AVX2

constexpr size_t kWidth = hn::MaxLanes(D());
constexpr size_t kJoined = 512;               // elements of short rows that are done as one
constexpr size_t kVectors = kLanes / kWidth;  // that hold the lanes of a row sum
static_assert(kLanes % kWidth == 0);

#define LATENT_NAME(op, arity, expression) #op,
constexpr std::string_view kOpNames[] = {LATENT_TILE_OPS(LATENT_NAME)};
#undef LATENT_NAME
#define LATENT_TYPE(op, arity, expression) op##_op,
using Ops = std::tuple<LATENT_TILE_OPS(LATENT_TYPE) void>;  // void: for names of no op
#undef LATENT_TYPE
constexpr size_t index_of(std::string_view name) {
  return static_cast<size_t>(std::ranges::find(kOpNames, name) - kOpNames);
}

/// The first n < kWidth elements of x to p.
HWY_INLINE void store_first(V x, size_t n, float* p) {
#if HWY_TARGET == HWY_AVX2  // where AMD takes tens of cycles for a masked store
  const hn::FixedTag<float, 4> half;
  const hn::FixedTag<float, 2> quarter;
  auto rest = hn::LowerHalf(half, x);
  if (n & 4) {
    hn::StoreU(rest, half, p);
    rest = hn::UpperHalf(half, x);
    p += 4;
  }
  if (n & 2) {
    hn::StoreU(hn::LowerHalf(quarter, rest), quarter, p);
    rest = hn::Shuffle1032(rest);
    p += 2;
  }
  if (n & 1) *p = hn::GetLane(rest);
#else
  hn::BlendedStore(x, hn::FirstN(D(), n), D(), p);
#endif
}

/// Calls f(std::integral_constant<int, i>) for i = 0 .. kCount - 1.
template <int kCount, class F>
HWY_INLINE void each(const F& f) {
  [&]<int... i>(std::integer_sequence<int, i...>) { (f(std::integral_constant<int, i>()), ...); }
  (std::make_integer_sequence<int, kCount>());
}

template <ChainText kText>
struct Chain {
  static constexpr ChainShape kShape = parse_chain(kText.view());
  static_assert(!kShape.has(End::row_max), "maxima are not named yet");

  /// What a row needs: values that do not change along it, and where its results go.
  struct Row {
    const float* in[std::max(1, kShape.inputs)];
    float* out[std::max(1, kShape.outputs)];  // store: the row; column_sum: its block's sums
    V fixed[std::max(1, kShape.first_step())];
  };

  /// One vector: elements [i, i + kWidth) of the row, or with kRest only the first `count`. With
  /// kHeld column sums are held in `lanes` too, not in memory.
  template <bool kRest, bool kHeld = false>
  static HWY_INLINE void vector(const Row& row, size_t i, size_t count, V* lanes) {
    const D d;
    V v[kShape.values()];
    const auto mask = hn::FirstN(d, kRest ? count : kWidth);
    const auto load = [&](const float* p) {
      if constexpr (kRest)
        return hn::MaskedLoad(mask, d, p);
      else
        return hn::LoadU(d, p);
    };
    const auto store = [&](V x, float* p) {
      if constexpr (kRest)
        store_first(x, count, p);
      else
        hn::StoreU(x, d, p);
    };
    each<kShape.first_step()>([&](auto k) {
      constexpr bool kMoves = k < kShape.inputs &&
                              (kShape.access[k] == Access::full || kShape.access[k] == Access::row);
      if constexpr (kMoves)
        v[k] = load(row.in[k] + i);
      else
        v[k] = row.fixed[k];
    });
    each<kShape.steps>([&](auto s) {
      using Op = std::tuple_element_t<index_of(kShape.op[s]), Ops>;
      constexpr int a = kShape.src[s][0], b = kShape.src[s][1], c = kShape.src[s][2];
      v[kShape.first_step() + s] = Op::apply(v[a], v[b < 0 ? a : b], v[c < 0 ? a : c]);
    });
    each<kShape.outputs>([&](auto o) {
      const V x = v[kShape.value[o]];
      if constexpr (kShape.end[o] == End::store) {
        store(x, row.out[o] + i);
      } else if constexpr (kShape.end[o] == End::column_sum && !kHeld) {
        store(hn::Add(load(row.out[o] + i), x), row.out[o] + i);
      } else {
        // Lanes are never -0, so adding +0 beyond the end changes none.
        lanes[static_cast<size_t>(o) * kVectors] = hn::Add(lanes[static_cast<size_t>(o) * kVectors],
                                                           kRest ? hn::IfThenElseZero(mask, x) : x);
      }
    });
  }

  static float fold(const V* lanes) {
    HWY_ALIGN float all[kLanes];
    for (size_t v = 0; v < kVectors; ++v) hn::Store(lanes[v], D(), all + v * kWidth);
    return fold_lanes(all);
  }

  /// Columns [begin, end) of one block of the row; row sums are kept in `total`.
  static HWY_INLINE void block(const Row& row, size_t begin, size_t end, V* lanes) {
    size_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      for (size_t k = 0; k < kVectors; ++k) vector<false>(row, i + k * kWidth, kWidth, lanes + k);
    }
    for (size_t k = 0; i < end; i += kWidth, ++k) {
      if (i + kWidth <= end)
        vector<false>(row, i, kWidth, lanes + k);
      else
        vector<true>(row, i, end - i, lanes + k);
    }
  }

  /// Whether rows may be joined: nothing is the same along a row or a column, nothing is summed.
  static constexpr bool kJoins = !kShape.has(Access::row) && !kShape.has(Access::column) &&
                                 !kShape.has(End::row_sum) && !kShape.has(End::column_sum);

  /// Short rows with strides (the halves of a posterior's weights): several at a time, gathered
  /// first, as one row; elements do not depend on their neighbours.
  static void run_joined(Row row, const float* const* in, void* const* operands,
                         const ChainPiece& piece) {
    const auto cols = static_cast<size_t>(piece.cols);
    const auto most = static_cast<int64_t>(kJoined / cols);
    HWY_ALIGN float gathered[std::max(1, kShape.inputs)][kJoined];
    V none[kVectors];
    for (int64_t r = piece.row_begin; r < piece.row_end; r += most) {
      const int64_t rows = std::min(most, piece.row_end - r);
      const auto at = static_cast<size_t>(r);
      for (int k = 0; k < kShape.inputs; ++k) {
        if (kShape.access[k] != Access::full) continue;
        const auto stride = static_cast<size_t>(piece.inputs[k].stride);
        row.in[k] = stride ? gathered[k] : in[k] + at * cols;
        if (stride) {
          copy_rows(gathered[k], cols * sizeof(float), in[k] + at * stride, stride * sizeof(float),
                    rows, cols * sizeof(float));
        }
      }
      for (int o = 0; o < kShape.outputs; ++o)
        row.out[o] = static_cast<float*>(operands[o]) + at * cols;
      block(row, 0, static_cast<size_t>(rows) * cols, none);
    }
  }

  /// Puts the row at r where `row` points.
  static HWY_INLINE void move_to(Row& row, int64_t r, const float* const* in, const size_t* stride,
                                 void* const* operands, size_t cols) {
    const auto at = static_cast<size_t>(r);
    for (int k = 0; k < kShape.inputs; ++k) {
      if (kShape.access[k] == Access::full) row.in[k] = in[k] + at * stride[k];
      if (kShape.access[k] == Access::column) row.fixed[k] = hn::Set(D(), in[k][at]);
    }
    for (int o = 0; o < kShape.outputs; ++o) {
      if (kShape.end[o] == End::store) row.out[o] = static_cast<float*>(operands[o]) + at * cols;
    }
  }

  /// Whole rows of kCount vectors: column sums stay in registers through a block of rows, where in
  /// memory each row would wait for the one before.
  template <size_t kCount>
  static void run_narrow(Row row, const float* const* in, const size_t* stride,
                         void* const* operands, const ChainPiece& piece) {
    constexpr size_t kSums = std::max(1, kShape.outputs) * kVectors;
    const auto cols = static_cast<size_t>(piece.cols);
    for (int64_t r = piece.row_begin; r < piece.row_end;) {
      const int64_t begin = r,
                    last = std::min(piece.row_end, (r / piece.block_rows + 1) * piece.block_rows);
      V sums[kCount * kSums];
      for (V& v : sums) v = hn::Zero(D());
      for (; r < last; ++r) {
        move_to(row, r, in, stride, operands, cols);
        for (size_t v = 0; v < kCount; ++v)
          vector<false, true>(row, v * kWidth, kWidth, sums + v * kSums);
      }
      for (int o = 0; o < kShape.outputs; ++o) {
        if (kShape.end[o] != End::column_sum) continue;
        float* to = piece.column_sums(static_cast<size_t>(o), begin, operands);
        for (size_t v = 0; v < kCount; ++v)
          hn::StoreU(sums[v * kSums + static_cast<size_t>(o) * kVectors], D(), to + v * kWidth);
      }
    }
  }

  static void run(void* const* operands, const float* constants, const ChainPiece& piece) {
    const D d;
    const auto cols = static_cast<size_t>(piece.cols);
    Row row;
    const float* in[std::max(1, kShape.inputs)];
    size_t stride[std::max(1, kShape.inputs)];
    for (int k = 0; k < kShape.inputs; ++k) {
      const FusedInput& input = piece.inputs[k];
      in[k] = static_cast<const float*>(operands[kShape.outputs + k]) + input.offset;
      stride[k] = input.stride ? static_cast<size_t>(input.stride) : cols;
      row.in[k] = in[k];
      row.fixed[k] = kShape.access[k] == Access::scalar ? hn::Set(d, *in[k]) : hn::Zero(d);
    }
    for (int k = 0; k < kShape.constants; ++k)
      row.fixed[kShape.inputs + k] = hn::Set(d, constants[k]);
    if constexpr (kJoins) {
      if (piece.row_end - piece.row_begin > 1 && cols <= kJoined / 2)
        return run_joined(row, in, operands, piece);
    }
    if constexpr (kShape.has(End::column_sum) && !kShape.has(End::row_sum)) {
      if (piece.col_begin == 0 && piece.col_end == piece.cols &&
          piece.row_begin % piece.block_rows == 0) {
        if (cols == kWidth) return run_narrow<1>(row, in, stride, operands, piece);
        if (cols == 2 * kWidth) return run_narrow<2>(row, in, stride, operands, piece);
      }
    }
    for (int64_t r = piece.row_begin; r < piece.row_end; ++r) {
      move_to(row, r, in, stride, operands, cols);
      for (int o = 0; o < kShape.outputs; ++o) {
        if (kShape.end[o] != End::column_sum) continue;
        row.out[o] = piece.column_sums(static_cast<size_t>(o), r, operands);
        if (r % piece.block_rows == 0) std::memset(row.out[o], 0, cols * sizeof(float));
      }
      const auto begin = static_cast<size_t>(piece.col_begin),
                 end = static_cast<size_t>(piece.col_end);
      float total[std::max(1, kShape.outputs)] = {};
      for (size_t b = begin; b < end; b = b / kSumBlock * kSumBlock + kSumBlock) {
        V lanes[std::max(1, kShape.outputs) * kVectors];
        for (V& lane : lanes) lane = hn::Zero(d);
        block(row, b, std::min(end, b / kSumBlock * kSumBlock + kSumBlock), lanes);
        each<kShape.outputs>([&](auto o) {
          if constexpr (kShape.end[o] == End::row_sum) {
            const float sum = fold(lanes + static_cast<size_t>(o) * kVectors);
            if (piece.partial[o])
              piece.partial[o][b / kSumBlock] = sum;
            else
              total[o] = b < kSumBlock ? sum : total[o] + sum;
          }
        });
      }
      for (int o = 0; o < kShape.outputs; ++o) {
        if (kShape.end[o] == End::row_sum && !piece.partial[o])
          static_cast<float*>(operands[o])[r] = total[o];
      }
    }
  }
};

#define LATENT_ENTRY(name, text) {name, text, &Chain<text>::run},
constexpr NamedKernel kNamed[] = {LATENT_NAMED_CHAINS(LATENT_ENTRY)};
#undef LATENT_ENTRY

std::span<const NamedKernel> all_named() { return kNamed; }

#else

std::span<const NamedKernel> all_named() { return {}; }

#endif

}  // namespace HWY_NAMESPACE
}  // namespace latent::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace latent::kernels {

HWY_EXPORT(all_named);

std::span<const NamedKernel> named_kernels() { return HWY_DYNAMIC_DISPATCH(all_named)(); }

const NamedKernel* find_named(std::string_view program) {
  for (const NamedKernel& k : named_kernels()) {
    if (k.program == program) return &k;
  }
  return nullptr;
}

}  // namespace latent::kernels
#endif
