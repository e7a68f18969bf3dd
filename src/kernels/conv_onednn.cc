// Convolutions by oneDNN's direct kernels. Pictures stay channels-last; weights are packed into the
// kernel's own layout before the parts run, and gradients of weights unpacked after. Each part runs
// a primitive made for one thread on its images, with scratch memory of its own.
#include <array>
#include <map>

#include "kernels/conv_offer.h"
#include "kernels/onednn.h"
#include "kernels/product.h"

namespace latent::kernels {

namespace {

using namespace onednn;

constexpr auto kFloat = dnnl::memory::data_type::f32;
using Tag = dnnl::memory::format_tag;

/// The convolution of a share; the parts with equal ones use it together.
struct Direct {
  Kernel kernel;
  Desc x, weights, y;
};

Desc weights_of(const ConvProblem& p, bool plain) {
  const int64_t in = p.cin / p.groups;
  if (p.groups == 1)
    return {{p.cout, in, p.h.taps, p.w.taps}, kFloat, plain ? Tag::hwio : Tag::any};
  return {
      {p.groups, p.cout / p.groups, in, p.h.taps, p.w.taps}, kFloat, plain ? Tag::hwigo : Tag::any};
}

Direct make_direct(const ConvProblem& p) {
  const Desc x({p.n, p.cin, p.h.size, p.w.size}, kFloat, Tag::nhwc),
      y({p.n, p.cout, p.h.places, p.w.places}, kFloat, Tag::nhwc), weights = weights_of(p, false);
  const dnnl::memory::dims strides = {p.h.stride, p.w.stride},
                           dilates = {p.h.dilation - 1, p.w.dilation - 1},
                           before = {p.h.before, p.w.before}, after = {p.h.after, p.w.after};
  constexpr auto kDirect = dnnl::algorithm::convolution_direct;
  const dnnl::primitive_attr attr = user_scratchpad();
  const dnnl::convolution_forward::primitive_desc forward(
      {dnnl::prop_kind::forward_training, kDirect, x, weights, y, strides, dilates, before, after},
      attr, engine(), true);
  dnnl::primitive_desc_base pd = forward;
  if (forward && p.pass == ConvPass::by_data) {
    pd = dnnl::convolution_backward_data::primitive_desc(
        {kDirect, x, weights, y, strides, dilates, before, after}, attr, engine(), forward, true);
  } else if (forward && p.pass == ConvPass::by_weights) {
    pd = dnnl::convolution_backward_weights::primitive_desc(
        {kDirect, x, weights, y, strides, dilates, before, after}, attr, engine(), forward, true);
  }
  const auto packed =
      p.pass == ConvPass::by_weights ? dnnl::query::diff_weights_md : dnnl::query::weights_md;
  return {Kernel(pd), x, pd ? pd.query_md(packed) : weights, y};
}

/// The call that copies weights from one layout to another. Operand -1 is the start of the scratch
/// memory.
Call reorder_call(const char* name, const Desc& from, int from_operand, const Desc& to,
                  int to_operand) {
  const Kernel kernel(
      dnnl::reorder::primitive_desc(engine(), from, engine(), to, user_scratchpad()));
  if (!kernel.primitive) throw InternalError("oneDNN: only its reference copies weights");
  const size_t from_bytes = from_operand < 0 ? aligned_size(from.get_size()) : 0;
  const std::vector<Job::Operand> operands = {{DNNL_ARG_FROM, from, 0}, {DNNL_ARG_TO, to, 0}};
  const auto job = std::make_shared<const Job>(kernel, operands, from_bytes);
  Call call;
  call.kernel = name;
  call.scratch_bytes = from_bytes + kernel.scratch.get_size();
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
    const std::array key = {p.n, p.h.size, p.h.places, p.h.before, p.h.after};
    if (!known.count(key)) known.emplace(key, make_direct(p));
    all.push_back(known.at(key));
    // All must agree on the layout of the weights; the first part's decides.
    reason = !all.back().kernel.primitive ? "only its reference fits"
             : all.back().weights != all[0].weights
                 ? "its layouts of the weights differ between parts"
                 : "";
    if (!reason.empty()) return {};
  }
  return all;
}

Offer offer_by_onednn(const ConvProblem& p) {
  if (p.n < 1 || p.weights() < 1) return {{}, "an empty convolution"};
  pin_library_threads();  // a primitive keeps the number of threads that it was made under
  const bool by_weights = p.pass == ConvPass::by_weights;
  std::string reason;
  std::vector<ConvShare> shares = conv_shares(p);
  std::vector<Direct> direct = direct_of(shares, reason);
  if (direct.empty()) direct = direct_of(shares = conv_shares(p, true), reason);
  if (direct.empty()) return {{}, reason};
  const auto parts = static_cast<int>(direct.size());
  const Desc plain = weights_of(p, true), packed = direct[0].weights;
  const bool same = plain == packed;
  const size_t packed_bytes = aligned_size(packed.get_size());
  std::vector<Call> calls;
  ConvOperands at = operands_of(p.pass);
  if (!by_weights && !same) {
    at.weights = 3;
    calls.push_back(reorder_call("pack weights", plain, 2, packed, 3));
    calls[0].packs = 2;
    calls[0].packed_bytes = packed_bytes;
  }
  Call call = conv_call("onednn " + direct[0].kernel.name, p, shares);
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
    call.scratch_bytes += aligned_size(d.kernel.scratch.get_size());
  }
  call.run = [jobs, at, in_scratch](int part, void* const* operands, std::byte* base,
                                    const RunState&) {
    (*jobs)[static_cast<size_t>(part)].run(
        {operands[at.x], operands[at.y], in_scratch ? base : operands[at.weights], base});
  };
  calls.push_back(std::move(call));
  if (by_weights && parts > 1) {
    const auto stride = static_cast<int64_t>(packed_bytes / sizeof(float));
    const auto size = static_cast<int64_t>(packed.get_size() / sizeof(float));
    calls.push_back(add_rows_call(0, parts, size, stride, same));
  }
  if (by_weights && !same)
    calls.push_back(reorder_call("unpack weight gradients", packed, -1, plain, 0));
  return {std::move(calls), {}};
}

}  // namespace

Offer conv_by_onednn(const ConvProblem& p) {
  return checked([&] { return offer_by_onednn(p); });
}

}  // namespace latent::kernels
