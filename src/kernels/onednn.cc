// See onednn.h.
#include "kernels/onednn.h"

#include <string>

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

Primitive make_primitive(const PrimitiveDesc& pd, std::string& name, dnnl_memory_desc_t& scratch) {
  if (!pd) return nullptr;
  const char* text = nullptr;
  dnnl_primitive_desc_query(pd.get(), dnnl_query_impl_info_str, 0, &text);
  name = text ? text : "";
  scratch = *dnnl_primitive_desc_query_md(pd.get(), dnnl_query_scratchpad_md, 0);
  dnnl_primitive_t made = nullptr;
  if (!name.starts_with("ref")) dnnl_primitive_create(&made, pd.get());
  return Primitive(made);
}

Memory make_memory(const dnnl_memory_desc_t& desc) {
  dnnl_memory_t m = nullptr;
  check(dnnl_memory_create(&m, &desc, engine(), DNNL_MEMORY_NONE), "making memory");
  return Memory(m);
}

void set(const Memory& m, const void* base, size_t offset) {
  std::byte* at = static_cast<std::byte*>(const_cast<void*>(base)) + offset;
  check(dnnl_memory_set_data_handle(m.get(), at), "setting memory");
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

}  // namespace latent::kernels::onednn
