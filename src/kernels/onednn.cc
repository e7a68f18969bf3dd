// See onednn.h.
#include "kernels/onednn.h"

#include <string>
#include <utility>

#include "latent/error.h"

namespace latent::kernels::onednn {

void check(dnnl_status_t status, const char* what) {
  if (status != dnnl_success)
    throw InternalError(std::string("oneDNN: ") + what + " failed with status " +
                        std::to_string(status));
}

dnnl_engine_t engine() {
  static const dnnl_engine_t one = [] {
    dnnl_engine_t e = nullptr;
    check(dnnl_engine_create(&e, dnnl_cpu, 0), "creating an engine");
    return e;
  }();
  return one;
}

dnnl_stream_t stream() {
  thread_local struct Stream {
    dnnl_stream_t s = nullptr;
    Stream() {
      check(dnnl_stream_create(&s, engine(), dnnl_stream_default_flags), "creating a stream");
    }
    ~Stream() { dnnl_stream_destroy(s); }
  } one;
  return one.s;
}

PrimitiveAttr user_scratchpad(bool adds) {
  dnnl_primitive_attr_t a = nullptr;
  check(dnnl_primitive_attr_create(&a), "making attributes");
  PrimitiveAttr attr(a);
  check(dnnl_primitive_attr_set_scratchpad_mode(a, dnnl_scratchpad_mode_user),
        "asking for the scratchpad");
  if (!adds) return attr;
  dnnl_post_ops_t after = nullptr;
  check(dnnl_post_ops_create(&after), "making post-ops");
  const dnnl_status_t added = dnnl_post_ops_append_sum(after, 1),
                      set = dnnl_primitive_attr_set_post_ops(a, after);
  dnnl_post_ops_destroy(after);
  check(added == dnnl_success ? set : added, "asking for a sum");
  return attr;
}

std::shared_ptr<const Kernel> make_kernel(const PrimitiveDesc& pd) {
  if (!pd) return nullptr;
  auto kernel = std::make_shared<Kernel>();
  const char* name = nullptr;
  dnnl_primitive_desc_query(pd.get(), dnnl_query_impl_info_str, 0, &name);
  kernel->name = name ? name : "";
  kernel->scratch = *dnnl_primitive_desc_query_md(pd.get(), dnnl_query_scratchpad_md, 0);
  kernel->scratch_bytes = dnnl_memory_desc_get_size(&kernel->scratch);
  dnnl_primitive_t made = nullptr;
  if (!kernel->name.starts_with("ref")) dnnl_primitive_create(&made, pd.get());
  kernel->primitive.reset(made);
  return made ? kernel : nullptr;
}

Job::Job(std::shared_ptr<const Kernel> kernel, const std::vector<Operand>& operands,
         size_t scratch_offset)
    : kernel_(std::move(kernel)) {
  for (const Operand& o : operands) add(o);
  if (kernel_->scratch_bytes) add({DNNL_ARG_SCRATCHPAD, kernel_->scratch, scratch_offset});
}

void Job::add(const Operand& o) {
  dnnl_memory_t m = nullptr;
  check(dnnl_memory_create(&m, &o.desc, engine(), DNNL_MEMORY_NONE), "making memory");
  memory_.emplace_back(m);
  arguments_.push_back({o.argument, m});
  offsets_.push_back(o.offset);
}

void Job::run(std::initializer_list<const void*> bases) const {
  for (size_t k = 0; k < memory_.size(); ++k) {
    std::byte* base = static_cast<std::byte*>(const_cast<void*>(bases.begin()[k]));
    check(dnnl_memory_set_data_handle(memory_[k].get(), base + offsets_[k]), "setting memory");
  }
  check(dnnl_primitive_execute(kernel_->primitive.get(), stream(),
                               static_cast<int>(arguments_.size()), arguments_.data()),
        kernel_->name.c_str());
}

}  // namespace latent::kernels::onednn
