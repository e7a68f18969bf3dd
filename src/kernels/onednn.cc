// See onednn.h.
#include "kernels/onednn.h"

namespace latent::kernels::onednn {

namespace {

/// Of a thread. Not dnnl::stream, which would take memory of ours at a thread's first run.
struct Stream {
  dnnl_stream_t s = nullptr;
  Stream() {
    dnnl::error::wrap_c_api(dnnl_stream_create(&s, engine().get(), dnnl_stream_default_flags),
                            "could not create a stream");
  }
  ~Stream() { dnnl_stream_destroy(s); }
};

}  // namespace

const dnnl::engine& engine() {
  static const dnnl::engine& one = *new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return one;
}

dnnl::primitive_attr user_scratchpad(bool adds) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (adds) {
    dnnl::post_ops after;
    after.append_sum();
    attr.set_post_ops(after);
  }
  return attr;
}

Kernel::Kernel(const dnnl::primitive_desc_base& pd) {
  if (!pd) return;
  name = pd.impl_info_str();
  scratch = pd.query_md(dnnl::query::scratchpad_md);
  dnnl_primitive_t made = nullptr;
  if (!name.starts_with("ref")) dnnl_primitive_create(&made, pd.get());
  if (made) primitive.reset(made);
}

Job::Job(const Kernel& kernel, std::vector<Operand> operands, size_t scratch_offset)
    : kernel_(kernel) {
  if (kernel.scratch.get_size())
    operands.push_back({DNNL_ARG_SCRATCHPAD, kernel.scratch, scratch_offset});
  for (const Operand& o : operands) {
    memory_.push_back(dnnl::memory(o.desc, engine(), DNNL_MEMORY_NONE));
    arguments_.push_back({o.argument, memory_.back().get()});
    offsets_.push_back(o.offset);
  }
}

void Job::run(std::initializer_list<const void*> bases) const {
  checked([&] {
    thread_local const Stream stream;
    for (size_t k = 0; k < memory_.size(); ++k) {
      std::byte* base = static_cast<std::byte*>(const_cast<void*>(bases.begin()[k]));
      memory_[k].set_data_handle(base + offsets_[k]);
    }
    // Not by primitive::execute, which makes a map of the arguments.
    dnnl::error::wrap_c_api(
        dnnl_primitive_execute(kernel_.primitive.get(), stream.s,
                               static_cast<int>(arguments_.size()), arguments_.data()),
        kernel_.name.c_str());
  });
}

}  // namespace latent::kernels::onednn
