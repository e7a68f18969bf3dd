// Convolutions by oneDNN's direct kernels. Pictures stay channels-last; weights are packed into the
// kernel's own layout before the parts run, and gradients of weights unpacked after. Each part runs
// a primitive made for one thread on its images, with scratch memory of its own.
#include <array>
#include <cstring>
#include <map>

#include "kernels/conv_offer.h"
#include "kernels/onednn.h"
#include "kernels/product.h"

namespace latent::kernels {

namespace {

using namespace onednn;

/// The convolution of a share; the parts with equal ones use it together.
struct Direct {
  Primitive primitive;
  dnnl_memory_desc_t x, weights, y;
  dnnl_memory_desc_t scratch;
  size_t scratch_bytes = 0;
  std::string name;
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

/// Null when the library has only its reference.
std::shared_ptr<Direct> make_direct(const ConvProblem& p) {
  auto direct = std::make_shared<Direct>();
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
  if (!pd) return nullptr;
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
  direct->primitive = make_primitive(pd, direct->name, direct->scratch);
  if (!direct->primitive) return nullptr;
  direct->x = x;
  direct->y = y;
  direct->weights = *dnnl_primitive_desc_query_md(
      pd.get(), p.pass == ConvPass::by_weights ? dnnl_query_diff_weights_md : dnnl_query_weights_md,
      0);
  direct->scratch_bytes = dnnl_memory_desc_get_size(&direct->scratch);
  return direct;
}

/// A part: its share, its place in the scratch memory, and memory objects that no other part uses.
struct Piece {
  std::shared_ptr<Direct> direct;
  Memory x, weights, y, scratch;
  size_t x_offset, y_offset, weights_offset, scratch_offset;
};

/// Runs a part; `weights` are packed, or those of the scratch memory that the part fills.
void run_piece(const Piece& piece, ConvPass pass, void* const* operands, void* weights,
               std::byte* scratch) {
  set(piece.x, operands[pass == ConvPass::by_data ? 0 : 1], piece.x_offset);
  set(piece.y,
      operands[pass == ConvPass::forward   ? 0
               : pass == ConvPass::by_data ? 1
                                           : 2],
      piece.y_offset);
  set(piece.weights, weights, piece.weights_offset);
  const int x = pass == ConvPass::by_data ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC,
            y = pass == ConvPass::forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST,
            w = pass == ConvPass::by_weights ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS;
  dnnl_exec_arg_t args[4] = {{x, piece.x.get()}, {w, piece.weights.get()}, {y, piece.y.get()}, {}};
  int count = 3;
  if (piece.scratch) {
    set(piece.scratch, scratch, piece.scratch_offset);
    args[count++] = {DNNL_ARG_SCRATCHPAD, piece.scratch.get()};
  }
  check(dnnl_primitive_execute(piece.direct->primitive.get(), stream(), count, args),
        "a convolution");
}

/// The call that copies weights from one layout to another. Operand -1 is the start of the scratch
/// memory.
Call reorder_call(const char* name, const dnnl_memory_desc_t& from, int from_operand,
                  const dnnl_memory_desc_t& to, int to_operand) {
  const PrimitiveAttr attr = user_scratchpad();
  dnnl_primitive_desc_t made = nullptr;
  check(dnnl_reorder_primitive_desc_create(&made, &from, engine(), &to, engine(), attr.get()),
        "describing a copy of weights");
  const PrimitiveDesc pd(made);
  dnnl_primitive_t primitive = nullptr;
  check(dnnl_primitive_create(&primitive, made), "making a copy of weights");
  struct State {
    Primitive primitive;
    Memory from, to, scratch;
    size_t scratch_offset;
  };
  auto s = std::make_shared<State>();
  s->primitive.reset(primitive);
  s->from = make_memory(from);
  s->to = make_memory(to);
  const dnnl_memory_desc_t scratch =
      *dnnl_primitive_desc_query_md(made, dnnl_query_scratchpad_md, 0);
  const size_t bytes = dnnl_memory_desc_get_size(&scratch);
  if (bytes) s->scratch = make_memory(scratch);
  s->scratch_offset = aligned_size(dnnl_memory_desc_get_size(from_operand < 0 ? &from : &to));
  Call call;
  call.kernel = name;
  call.scratch_bytes = s->scratch_offset + bytes;
  call.run = [=](int, void* const* operands, std::byte* base, const RunState&) {
    set(s->from, from_operand < 0 ? base : operands[from_operand], 0);
    set(s->to, to_operand < 0 ? base : operands[to_operand], 0);
    dnnl_exec_arg_t args[3] = {{DNNL_ARG_FROM, s->from.get()}, {DNNL_ARG_TO, s->to.get()}, {}};
    if (s->scratch) {
      set(s->scratch, base, s->scratch_offset);
      args[2] = {DNNL_ARG_SCRATCHPAD, s->scratch.get()};
    }
    check(dnnl_primitive_execute(s->primitive.get(), stream(), s->scratch ? 3 : 2, args),
          "a copy of weights");
  };
  return call;
}

using Pieces = std::shared_ptr<std::vector<Piece>>;

/// The parts; none, with the reason, where the library cannot.
Pieces make_pieces(const std::vector<ConvShare>& shares, std::string& reason) {
  std::map<std::array<int64_t, 5>, std::shared_ptr<Direct>> known;
  auto pieces = std::make_shared<std::vector<Piece>>();
  for (const auto& [p, x, y] : shares) {
    std::shared_ptr<Direct>& direct = known[{p.n, p.h.size, p.h.places, p.h.before, p.h.after}];
    if (!direct) direct = make_direct(p);
    if (!direct) {
      reason = "only its reference fits";
      return nullptr;
    }
    // All must agree on the layout of the weights; the first part's decides.
    if (!pieces->empty() &&
        !dnnl_memory_desc_equal(&direct->weights, &pieces->front().direct->weights)) {
      reason = "its layouts of the weights differ between parts";
      return nullptr;
    }
    Piece piece{.direct = direct,
                .x = make_memory(direct->x),
                .weights = make_memory(direct->weights),
                .y = make_memory(direct->y)};
    if (direct->scratch_bytes) piece.scratch = make_memory(direct->scratch);
    piece.x_offset = static_cast<size_t>(x) * sizeof(float);
    piece.y_offset = static_cast<size_t>(y) * sizeof(float);
    pieces->push_back(std::move(piece));
  }
  return pieces;
}

}  // namespace

ConvOffer conv_by_onednn(const ConvProblem& p) {
  if (p.n < 1 || p.weights() < 1) return {{}, "an empty convolution"};
  pin_library_threads();  // a primitive keeps the number of threads that it was made under
  const bool by_weights = p.pass == ConvPass::by_weights;
  std::string reason;
  std::vector<ConvShare> shares = conv_shares(p);
  Pieces pieces = make_pieces(shares, reason);
  if (!pieces) pieces = make_pieces(shares = conv_shares(p, true), reason);
  if (!pieces) return {{}, reason};
  const auto parts = static_cast<int>(pieces->size());
  const dnnl_memory_desc_t plain = weights_of(p, true), packed = pieces->front().direct->weights;
  const bool same = dnnl_memory_desc_equal(&plain, &packed);
  const size_t packed_bytes = aligned_size(dnnl_memory_desc_get_size(&packed));
  // The scratch memory: weight gradients of every part; then what the primitives want.
  const bool in_scratch = by_weights && (!same || parts > 1);
  size_t scratch = in_scratch ? packed_bytes * static_cast<size_t>(parts) : 0;
  for (size_t k = 0; k < pieces->size(); ++k) {
    Piece& piece = (*pieces)[k];
    piece.weights_offset = in_scratch ? k * packed_bytes : 0;
    piece.scratch_offset = scratch;
    scratch += aligned_size(piece.direct->scratch_bytes);
  }
  std::vector<Call> calls;
  const int weights_at = by_weights ? 0 : same ? 2 : 3;
  if (weights_at == 3) {
    calls.push_back(reorder_call("pack weights", plain, 2, packed, 3));
    calls[0].packs = 2;
    calls[0].packed_bytes = packed_bytes;
  }
  Call call;
  call.kernel = "onednn " + pieces->front().direct->name + " " + p.text();
  call.parts = parts;
  call.pieces = conv_pieces(p, shares);
  call.flops = p.flops();
  call.scratch_bytes = scratch;
  call.run = [pieces, pass = p.pass, in_scratch, weights_at](int part, void* const* operands,
                                                             std::byte* base, const RunState&) {
    void* weights = in_scratch ? base : operands[weights_at];
    run_piece((*pieces)[static_cast<size_t>(part)], pass, operands, weights, base);
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
