// Products by LIBXSMM (small), oneDNN (large) and plain loops (whatever else); see product.h.
#include "kernels/product.h"

#include <libxsmm.h>
#include <omp.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/memory.h"
#include "kernels/convert.h"
#include "kernels/layout.h"
#include "kernels/offer.h"
#include "kernels/onednn.h"

namespace latent::kernels {

namespace {

using namespace onednn;

constexpr double kSmall = 1.5e6;  // flop; above it oneDNN's blocking wins over one LIBXSMM kernel
constexpr double kLarge = 4e6;    // flop; from here a product is cut
constexpr int64_t kDeep = 1024;   // rows of a transposed operand; from here a part is done in
constexpr int64_t kSlab = 512;    // slabs of so many, each added to dst while it is in cache

Call call_of(const std::string& name, const ProductProblem& p) {
  Call call;
  call.kernel = name + " " + p.text();
  call.flops = p.flops();
  return call;
}

bool empty(const ProductProblem& p) { return std::min({p.batch, p.m, p.n, p.k}) < 1; }

Offer by_libxsmm(const ProductProblem& p) {
  if (p.bf16) return {{}, "float32 only"};
  if (empty(p)) return {{}, "an empty product"};
  if (p.flops() / static_cast<double>(p.batch) > kSmall) return {{}, "more than 1.5 Mflop"};
  // Its first operand, our b, cannot be read transposed: b is transposed into scratch first.
  const SmallProduct kernel = small_product(p.m, p.n, p.k, p.transpose_a, false);
  if (!kernel) return {{}, "no kernel for " + p.text()};
  Call call = call_of("libxsmm", p);
  call.scratch_bytes = p.transpose_b ? static_cast<size_t>(p.n * p.k) * sizeof(float) : 0;
  call.run = [p, kernel](int, void* const* operands, std::byte* scratch, const RunState&) {
    auto* dst = static_cast<float*>(operands[0]);
    const auto *a = static_cast<const float*>(operands[1]),
               *b = static_cast<const float*>(operands[2]);
    for (int64_t q = 0; q < p.batch; ++q, dst += p.m * p.n, a += p.m * p.k, b += p.n * p.k) {
      if (p.transpose_b) transpose(b, reinterpret_cast<float*>(scratch), p.n, p.k);
      kernel(dst, a, p.transpose_b ? reinterpret_cast<const float*>(scratch) : b);
    }
  };
  return {{std::move(call)}, {}};
}

/// Rows [m0, m0+m) and columns [n0, n0+n) of the problem, terms [k0, k0+k), from k0 > 0 added to
/// dst; nothing when oneDNN has only its reference for it.
std::optional<Job> piece_of(const ProductProblem& p, int64_t m0, int64_t m, int64_t n0, int64_t n,
                            int64_t k0, int64_t k, size_t scratch_offset) {
  using Type = dnnl::memory::data_type;
  const Type in = p.bf16 ? Type::bf16 : Type::f32;
  const size_t size = p.bf16 ? 2 : 4;
  const auto describe = [&](Type type, int64_t rows, int64_t cols, int64_t row_stride,
                            int64_t col_stride, int64_t matrix) {
    return p.batch > 1 ? Desc({p.batch, rows, cols}, type, {matrix, row_stride, col_stride})
                       : Desc({rows, cols}, type, {row_stride, col_stride});
  };
  const Desc a = p.transpose_a ? describe(in, m, k, 1, p.m, p.m * p.k)
                               : describe(in, m, k, p.k, 1, p.m * p.k),
             b = p.transpose_b ? describe(in, k, n, 1, p.k, p.n * p.k)
                               : describe(in, k, n, p.n, 1, p.n * p.k),
             c = describe(Type::f32, m, n, p.n, 1, p.m * p.n);
  const Kernel kernel(
      dnnl::matmul::primitive_desc({a, b, c}, user_scratchpad(k0 > 0), engine(), true));
  if (!kernel.primitive) return {};
  const int64_t at_a = p.transpose_a ? k0 * p.m + m0 : m0 * p.k + k0,
                at_b = p.transpose_b ? n0 * p.k + k0 : k0 * p.n + n0;
  return Job(kernel,
             {{DNNL_ARG_DST, c, static_cast<size_t>(m0 * p.n + n0) * sizeof(float)},
              {DNNL_ARG_SRC, a, static_cast<size_t>(at_a) * size},
              {DNNL_ARG_WEIGHTS, b, static_cast<size_t>(at_b) * size}},
             scratch_offset);
}

Offer offer_by_onednn(const ProductProblem& p) {
  if (empty(p)) return {{}, "an empty product"};
  pin_library_threads();
  // Outputs are cut: columns in multiples of 16, or rows where there are few columns and for weight
  // gradients.
  const bool deep = p.transpose_a && p.k >= kDeep && p.batch == 1;
  const bool rows = p.transpose_a ? p.m >= (deep ? 256 : 64) : p.n < 64;
  const int64_t most = p.batch > 1 ? 1 : p.flops() >= 1e9 ? 8 : p.flops() >= kLarge ? 4 : 1;
  const int64_t extent = rows ? p.m : p.n,
                parts = std::clamp<int64_t>(extent / (deep ? 64 : 32), 1, most);
  const int64_t slab = deep ? kSlab : p.k;
  auto jobs = std::make_shared<std::vector<std::vector<Job>>>();  // of each part, its slabs
  size_t scratch = 0;
  int64_t begin = 0;
  for (int64_t i = 0; i < parts; ++i) {
    const int64_t end = i + 1 == parts ? extent : (extent * (i + 1) / parts + 8) / 16 * 16,
                  width = end - begin;
    size_t bytes = 0;
    jobs->emplace_back();
    for (int64_t k = 0; k < p.k; k += slab) {
      const int64_t terms = std::min(slab, p.k - k);
      std::optional<Job> job = rows ? piece_of(p, begin, width, 0, p.n, k, terms, scratch)
                                    : piece_of(p, 0, p.m, begin, width, k, terms, scratch);
      if (!job) return {{}, "only its reference fits " + p.text()};
      bytes = std::max(bytes, aligned_size(job->kernel().scratch.get_size()));
      jobs->back().push_back(std::move(*job));
    }
    scratch += bytes;
    begin = end;
  }
  Call call = call_of("onednn " + jobs->front().front().kernel().name, p);
  if (p.bf16) call.kernel += " bf16";
  call.parts = static_cast<int>(parts);
  call.scratch_bytes = scratch;
  call.run = [jobs](int part, void* const* operands, std::byte* base, const RunState&) {
    for (const Job& job : (*jobs)[static_cast<size_t>(part)])
      job.run({operands[0], operands[1], operands[2], base});
  };
  return {{std::move(call)}, {}};
}

Offer by_onednn(const ProductProblem& p) {
  return checked([&] { return offer_by_onednn(p); });
}

Offer by_loop(const ProductProblem& p) {
  Call call = call_of("loop", p);
  call.run = [p](int, void* const* operands, std::byte*, const RunState&) {
    const auto at = [&](const void* base, int64_t i) {
      return p.bf16 ? from_bf16(static_cast<const uint16_t*>(base)[i])
                    : static_cast<const float*>(base)[i];
    };
    for (int64_t q = 0; q < p.batch; ++q) {
      for (int64_t i = 0; i < p.m; ++i) {
        for (int64_t j = 0; j < p.n; ++j) {
          float s = 0;
          for (int64_t k = 0; k < p.k; ++k) {
            s += at(operands[1], q * p.m * p.k + (p.transpose_a ? k * p.m + i : i * p.k + k)) *
                 at(operands[2], q * p.n * p.k + (p.transpose_b ? j * p.k + k : k * p.n + j));
          }
          static_cast<float*>(operands[0])[(q * p.m + i) * p.n + j] = s;
        }
      }
    }
  };
  return {{std::move(call)}, {}};
}

constexpr Candidate<ProductProblem> kCandidates[] = {
    {"libxsmm", by_libxsmm}, {"onednn", by_onednn}, {"loop", by_loop}};

}  // namespace

std::string ProductProblem::text() const {
  return std::to_string(m) + "x" + std::to_string(k) + "x" + std::to_string(n);
}

std::vector<Call> bind_product(const ProductProblem& problem, std::string_view only) {
  return take_first(kCandidates, problem, only);
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
  const int flags = LIBXSMM_GEMM_FLAG_TRANS_B;
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
