// Products by LIBXSMM (small), oneDNN (large) and plain loops (whatever else); see product.h.
#include "kernels/product.h"

#include <libxsmm.h>
#include <omp.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "base/memory.h"
#include "kernels/layout.h"
#include "kernels/onednn.h"
#include "latent/error.h"

namespace latent::kernels {

namespace {

using namespace onednn;

constexpr double kSmall = 1.5e6;  // flop; above it oneDNN's blocking wins over one LIBXSMM kernel
constexpr double kLarge = 4e6;    // flop; from here a product is cut
constexpr int64_t kDeep = 1024;   // rows of a transposed operand; from here a part is done in
constexpr int64_t kSlab = 512;    // slabs of so many, each added to dst while it is in cache

/// A product that accepts, or the reason why not.
struct Offer {
  std::optional<Product> product;
  std::string reason;
};

std::string extents(const ProductProblem& p) {
  return std::to_string(p.m) + "x" + std::to_string(p.k) + "x" + std::to_string(p.n);
}
double flops(const ProductProblem& p) {
  return 2.0 * static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
}

Offer libxsmm(const ProductProblem& p) {
  if (p.bf16) return {{}, "libxsmm: float32 only"};
  if (std::min({p.m, p.n, p.k}) < 1) return {{}, "libxsmm: an empty product"};
  if (flops(p) > kSmall) return {{}, "libxsmm: more than 1.5 Mflop"};
  // Its first operand, our b, cannot be read transposed: b is transposed into scratch first.
  const SmallProduct kernel = small_product(p.m, p.n, p.k, p.transpose_a, false);
  if (!kernel) return {{}, "libxsmm: no kernel for " + extents(p)};
  Product product;
  product.name = "libxsmm " + extents(p);
  product.scratch_bytes = p.transpose_b ? static_cast<size_t>(p.n * p.k) * sizeof(float) : 0;
  product.run = [p, kernel](int, void* dst, const void* a, const void* b, std::byte* scratch) {
    for (int64_t q = 0; q < p.batch; ++q) {
      const float* bq = static_cast<const float*>(b) + q * p.n * p.k;
      if (p.transpose_b) {
        transpose(bq, reinterpret_cast<float*>(scratch), p.n, p.k);
        bq = reinterpret_cast<const float*>(scratch);
      }
      kernel(static_cast<float*>(dst) + q * p.m * p.n, static_cast<const float*>(a) + q * p.m * p.k,
             bq);
    }
  };
  return {std::move(product), {}};
}

/// One oneDNN product on a piece of the operands, with memory objects of its own.
struct Piece {
  Primitive primitive;
  Memory src, weights, dst, scratch;
  size_t src_offset = 0, weights_offset = 0, dst_offset = 0, scratch_offset = 0, scratch_bytes = 0;
  std::string name;
};

/// Rows [m0, m0+m) and columns [n0, n0+n) of the problem, terms [k0, k0+k), from k0 > 0 added to
/// dst; null when oneDNN has only its reference for it.
std::unique_ptr<Piece> make_piece(const ProductProblem& p, int64_t m0, int64_t m, int64_t n0,
                                  int64_t n, int64_t k0, int64_t k) {
  auto piece = std::make_unique<Piece>();
  const dnnl_data_type_t in = p.bf16 ? dnnl_bf16 : dnnl_f32;
  const size_t size = p.bf16 ? 2 : 4;
  const int rank = p.batch > 1 ? 3 : 2;
  const auto describe = [&](dnnl_data_type_t type, int64_t rows, int64_t cols, int64_t row_stride,
                            int64_t col_stride, int64_t matrix) {
    dnnl_memory_desc_t d;
    dnnl_dims_t dims = {p.batch, rows, cols}, strides = {matrix, row_stride, col_stride};
    const int skip = 3 - rank;
    check(dnnl_memory_desc_init_by_strides(&d, rank, dims + skip, type, strides + skip),
          "describing an operand");
    return d;
  };
  const dnnl_memory_desc_t a =
      p.transpose_a ? describe(in, m, k, 1, p.m, p.m * p.k) : describe(in, m, k, p.k, 1, p.m * p.k);
  const dnnl_memory_desc_t b =
      p.transpose_b ? describe(in, k, n, 1, p.k, p.n * p.k) : describe(in, k, n, p.n, 1, p.n * p.k);
  const dnnl_memory_desc_t c = describe(dnnl_f32, m, n, p.n, 1, p.m * p.n);
  dnnl_matmul_desc_t desc;
  check(dnnl_matmul_desc_init(&desc, &a, &b, nullptr, &c), "describing a product");
  const PrimitiveAttr attr = user_scratchpad(k0 > 0);
  dnnl_primitive_desc_t made = nullptr;
  dnnl_primitive_desc_create(&made, &desc, attr.get(), engine(), nullptr);
  dnnl_memory_desc_t scratch;
  piece->primitive = make_primitive(PrimitiveDesc(made), piece->name, scratch);
  if (!piece->primitive) return nullptr;
  piece->src = make_memory(a);
  piece->weights = make_memory(b);
  piece->dst = make_memory(c);
  piece->scratch_bytes = dnnl_memory_desc_get_size(&scratch);
  if (piece->scratch_bytes) piece->scratch = make_memory(scratch);
  piece->src_offset = static_cast<size_t>(p.transpose_a ? k0 * p.m + m0 : m0 * p.k + k0) * size;
  piece->weights_offset = static_cast<size_t>(p.transpose_b ? n0 * p.k + k0 : k0 * p.n + n0) * size;
  piece->dst_offset = static_cast<size_t>(m0 * p.n + n0) * 4;
  return piece;
}

void run_piece(const Piece& piece, void* dst, const void* a, const void* b, std::byte* scratch) {
  set(piece.src, a, piece.src_offset);
  set(piece.weights, b, piece.weights_offset);
  set(piece.dst, dst, piece.dst_offset);
  dnnl_exec_arg_t args[4] = {{DNNL_ARG_SRC, piece.src.get()},
                             {DNNL_ARG_WEIGHTS, piece.weights.get()},
                             {DNNL_ARG_DST, piece.dst.get()},
                             {}};
  int count = 3;
  if (piece.scratch) {
    set(piece.scratch, scratch, piece.scratch_offset);
    args[count++] = {DNNL_ARG_SCRATCHPAD, piece.scratch.get()};
  }
  check(dnnl_primitive_execute(piece.primitive.get(), stream(), count, args), "a product");
}

Offer by_onednn(const ProductProblem& p) {
  if (std::min({p.m, p.n, p.k}) < 1) return {{}, "onednn: an empty product"};
  pin_library_threads();
  // Outputs are cut: columns in multiples of 16, or rows where there are few columns and for weight
  // gradients.
  const bool deep = p.transpose_a && p.k >= kDeep && p.batch == 1;
  const bool rows = p.transpose_a ? p.m >= (deep ? 256 : 64) : p.n < 64;
  const double work = flops(p) * static_cast<double>(p.batch);
  int64_t parts = work >= 1e9 ? 8 : work >= kLarge ? 4 : 1;
  if (p.batch > 1) parts = 1;
  const int64_t extent = rows ? p.m : p.n;
  parts = std::clamp<int64_t>(extent / (deep ? 64 : 32), 1, parts);
  const int64_t slab = deep ? kSlab : p.k;
  using Pieces = std::vector<std::unique_ptr<Piece>>;
  auto pieces = std::make_shared<std::vector<Pieces>>();  // of each part, its slabs
  Product product;
  int64_t begin = 0;
  for (int64_t i = 0; i < parts; ++i) {
    const int64_t end = i + 1 == parts ? extent : (extent * (i + 1) / parts + 8) / 16 * 16;
    size_t bytes = 0;
    pieces->emplace_back();
    for (int64_t k = 0; k < p.k; k += slab) {
      auto piece = rows ? make_piece(p, begin, end - begin, 0, p.n, k, std::min(slab, p.k - k))
                        : make_piece(p, 0, p.m, begin, end - begin, k, std::min(slab, p.k - k));
      if (!piece) return {{}, "onednn: only its reference fits " + extents(p)};
      piece->scratch_offset = product.scratch_bytes;
      bytes = std::max(bytes, aligned_size(piece->scratch_bytes));
      pieces->back().push_back(std::move(piece));
    }
    product.scratch_bytes += bytes;
    begin = end;
  }
  product.name =
      "onednn " + pieces->front().front()->name + " " + extents(p) + (p.bf16 ? " bf16" : "");
  product.parts = static_cast<int>(parts);
  product.run = [pieces](int part, void* dst, const void* a, const void* b, std::byte* scratch) {
    for (const auto& piece : (*pieces)[static_cast<size_t>(part)])
      run_piece(*piece, dst, a, b, scratch);
  };
  return {std::move(product), {}};
}

float widen(uint16_t v) {
  const uint32_t bits = static_cast<uint32_t>(v) << 16;
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}

Offer loop(const ProductProblem& p) {
  Product product;
  product.name = "loop " + extents(p);
  product.run = [p](int, void* dst, const void* a, const void* b, std::byte*) {
    const auto at = [&](const void* base, int64_t i) {
      return p.bf16 ? widen(static_cast<const uint16_t*>(base)[i])
                    : static_cast<const float*>(base)[i];
    };
    for (int64_t q = 0; q < p.batch; ++q) {
      for (int64_t i = 0; i < p.m; ++i) {
        for (int64_t j = 0; j < p.n; ++j) {
          float s = 0;
          for (int64_t k = 0; k < p.k; ++k) {
            s += at(a, q * p.m * p.k + (p.transpose_a ? k * p.m + i : i * p.k + k)) *
                 at(b, q * p.n * p.k + (p.transpose_b ? j * p.k + k : k * p.n + j));
          }
          static_cast<float*>(dst)[(q * p.m + i) * p.n + j] = s;
        }
      }
    }
  };
  return {std::move(product), {}};
}

struct Candidate {
  const char* name;
  Offer (*offer)(const ProductProblem&);
};
constexpr Candidate kCandidates[] = {{"libxsmm", libxsmm}, {"onednn", by_onednn}, {"loop", loop}};

}  // namespace

std::vector<std::string> product_candidates() {
  std::vector<std::string> names;
  for (const Candidate& c : kCandidates) names.emplace_back(c.name);
  return names;
}

Product make_product(const ProductProblem& problem) {
  std::vector<std::string> refused;
  for (const Candidate& c : kCandidates) {
    Offer offer = c.offer(problem);
    if (offer.product) {
      offer.product->refused = std::move(refused);
      return std::move(*offer.product);
    }
    refused.push_back(offer.reason);
  }
  throw InternalError("no candidate for a product");
}

Product make_product_with(const ProductProblem& problem, const std::string& only) {
  for (const Candidate& c : kCandidates) {
    if (only != c.name) continue;
    Offer offer = c.offer(problem);
    if (!offer.product) throw UsageError(offer.reason);
    return std::move(*offer.product);
  }
  throw UsageError("no product candidate is called " + only);
}

SmallProduct small_product(int64_t m, int64_t n, int64_t k, bool transpose_a, bool add) {
  // Column-major, LIBXSMM computes dst^T [n, m] = b^T a^T: its first operand is our b.
  const auto rows = static_cast<libxsmm_blasint>(n), cols = static_cast<libxsmm_blasint>(m),
             terms = static_cast<libxsmm_blasint>(k);
  const libxsmm_blasint ldb = transpose_a ? cols : terms;
  const float alpha = 1, beta = add ? 1 : 0;
  const int flags = transpose_a ? LIBXSMM_GEMM_FLAG_TRANS_B : LIBXSMM_GEMM_FLAG_NONE;
  const libxsmm_smmfunction kernel =
      libxsmm_smmdispatch(rows, cols, terms, &rows, &ldb, &rows, &alpha, &beta, &flags, nullptr);
  if (!kernel) return {};
  return [kernel](float* dst, const float* a, const float* b) { kernel(b, a, dst); };
}

SumOfProducts sum_of_products(const SumProblem& p) {
  const auto narrow = [](int64_t v) { return static_cast<libxsmm_blasint>(v); };
  const libxsmm_blasint lda = narrow(p.b_row), ldb = narrow(p.a_row), ldc = narrow(p.dst_row);
  const float one = 1;
  const int flags = p.transpose_a ? LIBXSMM_GEMM_FLAG_TRANS_B : LIBXSMM_GEMM_FLAG_NONE;
  // By offsets: the kernels that take addresses write to the list of them.
  const auto kernel = libxsmm_smmdispatch_reducebatch_offs(
      narrow(p.n), narrow(p.m), narrow(p.k), &lda, &ldb, &ldc, &one, &one, &flags, nullptr);
  if (!kernel) return {};
  return [kernel](float* dst, const float* a, const float* b, int64_t count, const uint64_t* from_a,
                  const uint64_t* from_b) {
    const auto terms = static_cast<unsigned long long>(count);
    kernel(b, a, dst, &terms, reinterpret_cast<const unsigned long long*>(from_b),
           reinterpret_cast<const unsigned long long*>(from_a));
  };
}

Bf16 bf16_products() {
  const unsigned isa = dnnl_get_effective_cpu_isa();
  const auto has = [isa](unsigned wanted) { return (isa & wanted) == wanted; };
  if (!has(dnnl_cpu_isa_avx512_core)) return Bf16::none;
  if (has(dnnl_cpu_isa_avx512_core_amx)) return Bf16::faster;
  return has(dnnl_cpu_isa_avx512_core_bf16) && !__builtin_cpu_is("intel") ? Bf16::faster
                                                                          : Bf16::slower;
}

void pin_library_threads() { omp_set_num_threads(1); }

}  // namespace latent::kernels
