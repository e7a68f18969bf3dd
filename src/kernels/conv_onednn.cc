// Convolutions by oneDNN's direct kernels. Pictures stay channels-last; weights are packed into the
// kernel's own layout before the parts run, and gradients of weights unpacked after. Each part runs
// a primitive made for one thread on its images, with scratch memory of its own.
#include <array>
#include <map>

#include "kernels/conv_offer.h"
#include "kernels/onednn.h"
#include "kernels/product.h"
#include "latent/error.h"

namespace latent::kernels {

namespace {

using namespace onednn;

/// The convolution of a share; the parts with equal ones use it together.
struct Direct {
  std::shared_ptr<const Kernel> kernel;  // null when the library has only its reference
  dnnl_memory_desc_t x, weights, y;
};

dnnl_memory_desc_t described(std::vector<int64_t> dims, dnnl_format_tag_t tag) {
  dnnl_memory_desc_t d;
  check(dnnl_memory_desc_init_by_tag(&d, static_cast<int>(dims.size()), dims.data(), dnnl_f32, tag),
        "describing a tensor");
  return d;
}
dnnl_memory_desc_t weights_of(const ConvProblem& p, bool plain) {
  const int64_t in = p.cin / p.groups;
  if (p.groups == 1)
    return described({p.cout, in, p.h.taps, p.w.taps}, plain ? dnnl_hwio : dnnl_format_tag_any);
  return described({p.groups, p.cout / p.groups, in, p.h.taps, p.w.taps},
                   plain ? dnnl_hwigo : dnnl_format_tag_any);
}

Direct make_direct(const ConvProblem& p) {
  const dnnl_memory_desc_t x = described({p.n, p.cin, p.h.size, p.w.size}, dnnl_nhwc),
                           y = described({p.n, p.cout, p.h.places, p.w.places}, dnnl_nhwc),
                           weights = weights_of(p, false);
  const dnnl_dims_t strides = {p.h.stride, p.w.stride},
                    dilates = {p.h.dilation - 1, p.w.dilation - 1},
                    before = {p.h.before, p.w.before}, after = {p.h.after, p.w.after};
  const PrimitiveAttr attr = user_scratchpad();
  const auto make = [&](const dnnl_convolution_desc_t& desc, const_dnnl_primitive_desc_t hint) {
    dnnl_primitive_desc_t pd = nullptr;
    dnnl_primitive_desc_create(&pd, &desc, attr.get(), engine(), hint);
    return PrimitiveDesc(pd);
  };
  dnnl_convolution_desc_t desc;
  check(dnnl_dilated_convolution_forward_desc_init(&desc, dnnl_forward_training,
                                                   dnnl_convolution_direct, &x, &weights, nullptr,
                                                   &y, strides, dilates, before, after),
        "describing a convolution");
  PrimitiveDesc pd = make(desc, nullptr);
  if (!pd) return {};
  if (p.pass == ConvPass::by_data) {
    check(dnnl_dilated_convolution_backward_data_desc_init(
              &desc, dnnl_convolution_direct, &x, &weights, &y, strides, dilates, before, after),
          "describing a convolution by data");
    pd = make(desc, PrimitiveDesc(std::move(pd)).get());
  } else if (p.pass == ConvPass::by_weights) {
    check(dnnl_dilated_convolution_backward_weights_desc_init(&desc, dnnl_convolution_direct, &x,
                                                              &weights, nullptr, &y, strides,
                                                              dilates, before, after),
          "describing a convolution by weights");
    pd = make(desc, PrimitiveDesc(std::move(pd)).get());
  }
  const auto packed =
      p.pass == ConvPass::by_weights ? dnnl_query_diff_weights_md : dnnl_query_weights_md;
  const auto kernel = make_kernel(pd);
  if (!kernel) return {};
  return {kernel, x, *dnnl_primitive_desc_query_md(pd.get(), packed, 0), y};
}

/// The call that copies weights from one layout to another. Operand -1 is the start of the scratch
/// memory.
Call reorder_call(const char* name, const dnnl_memory_desc_t& from, int from_operand,
                  const dnnl_memory_desc_t& to, int to_operand) {
  const PrimitiveAttr attr = user_scratchpad();
  dnnl_primitive_desc_t made = nullptr;
  check(dnnl_reorder_primitive_desc_create(&made, &from, engine(), &to, engine(), attr.get()),
        "describing a copy of weights");
  const auto kernel = make_kernel(PrimitiveDesc(made));
  if (!kernel) throw InternalError("oneDNN: only its reference copies weights");
  const size_t from_bytes = from_operand < 0 ? aligned_size(dnnl_memory_desc_get_size(&from)) : 0;
  const std::vector<Job::Operand> operands = {{DNNL_ARG_FROM, from, 0}, {DNNL_ARG_TO, to, 0}};
  const auto job = std::make_shared<const Job>(kernel, operands, from_bytes);
  Call call;
  call.kernel = name;
  call.scratch_bytes = from_bytes + kernel->scratch_bytes;
  call.run = [job, from_operand, to_operand](int, void* const* memory, std::byte* base,
                                             const RunState&) {
    job->run({from_operand < 0 ? base : memory[from_operand], memory[to_operand], base});
  };
  return call;
}

/// Those of the parts; none, with the reason, where the library cannot.
std::vector<Direct> direct_of(const std::vector<ConvShare>& shares, std::string& reason) {
  std::map<std::array<int64_t, 5>, Direct> known;
  std::vector<Direct> all;
  for (const ConvShare& s : shares) {
    const ConvProblem& p = s.problem;
    const auto [at, added] = known.try_emplace({p.n, p.h.size, p.h.places, p.h.before, p.h.after});
    if (added) at->second = make_direct(p);
    all.push_back(at->second);
    // All must agree on the layout of the weights; the first part's decides.
    reason = !all.back().kernel ? "only its reference fits"
             : !dnnl_memory_desc_equal(&all.back().weights, &all.front().weights)
                 ? "its layouts of the weights differ between parts"
                 : "";
    if (!reason.empty()) return {};
  }
  return all;
}

}  // namespace

Offer conv_by_onednn(const ConvProblem& p) {
  if (p.n < 1 || p.weights() < 1) return {{}, "an empty convolution"};
  pin_library_threads();  // a primitive keeps the number of threads that it was made under
  const bool by_weights = p.pass == ConvPass::by_weights;
  std::string reason;
  std::vector<ConvShare> shares = conv_shares(p);
  std::vector<Direct> direct = direct_of(shares, reason);
  if (direct.empty()) direct = direct_of(shares = conv_shares(p, true), reason);
  if (direct.empty()) return {{}, reason};
  const auto parts = static_cast<int>(direct.size());
  const dnnl_memory_desc_t plain = weights_of(p, true), packed = direct[0].weights;
  const bool same = dnnl_memory_desc_equal(&plain, &packed);
  const size_t packed_bytes = aligned_size(dnnl_memory_desc_get_size(&packed));
  std::vector<Call> calls;
  ConvOperands at = operands_of(p.pass);
  if (!by_weights && !same) {
    at.weights = 3;
    calls.push_back(reorder_call("pack weights", plain, 2, packed, 3));
    calls[0].packs = 2;
    calls[0].packed_bytes = packed_bytes;
  }
  Call call = conv_call("onednn " + direct[0].kernel->name, p, shares);
  // The scratch memory: weight gradients of every part; then what the primitives want.
  const bool in_scratch = by_weights && (!same || parts > 1);
  if (in_scratch) call.scratch_bytes = packed_bytes * direct.size();
  const int x = p.pass == ConvPass::by_data ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC,
            y = p.pass == ConvPass::forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST,
            w = by_weights ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS;
  auto jobs = std::make_shared<std::vector<Job>>();
  for (size_t k = 0; k < direct.size(); ++k) {
    const Direct& d = direct[k];
    const std::vector<Job::Operand> operands = {
        {x, d.x, static_cast<size_t>(shares[k].x) * sizeof(float)},
        {y, d.y, static_cast<size_t>(shares[k].y) * sizeof(float)},
        {w, d.weights, in_scratch ? k * packed_bytes : 0}};
    jobs->emplace_back(d.kernel, operands, call.scratch_bytes);
    call.scratch_bytes += aligned_size(d.kernel->scratch_bytes);
  }
  call.run = [jobs, at, in_scratch](int part, void* const* operands, std::byte* base,
                                    const RunState&) {
    (*jobs)[static_cast<size_t>(part)].run(
        {operands[at.x], operands[at.y], in_scratch ? base : operands[at.weights], base});
  };
  calls.push_back(std::move(call));
  if (by_weights && parts > 1) {
    const auto stride = static_cast<int64_t>(packed_bytes / sizeof(float));
    const auto size = static_cast<int64_t>(dnnl_memory_desc_get_size(&packed) / sizeof(float));
    calls.push_back(add_rows_call(0, parts, size, stride, same));
  }
  if (by_weights && !same)
    calls.push_back(reorder_call("unpack weight gradients", packed, -1, plain, 0));
  return {std::move(calls), {}};
}

}  // namespace latent::kernels
