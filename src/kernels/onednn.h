// What the files that call oneDNN share: its engine, a stream for each thread, errors, handles.
#pragma once

#include <dnnl.h>

#include <cstddef>
#include <memory>
#include <string>

namespace latent::kernels::onednn {

/// Throws InternalError unless the status is success.
void check(dnnl_status_t status, const char* what);
/// The CPU; lives as long as the process, since plans may be destroyed at its end.
dnnl_engine_t engine();
/// The stream of this thread.
dnnl_stream_t stream();

struct Destroy {
  void operator()(dnnl_memory_t m) const { dnnl_memory_destroy(m); }
  void operator()(dnnl_primitive_t p) const { dnnl_primitive_destroy(p); }
  void operator()(dnnl_primitive_desc_t p) const { dnnl_primitive_desc_destroy(p); }
  void operator()(dnnl_primitive_attr_t a) const { dnnl_primitive_attr_destroy(a); }
};
using Memory = std::unique_ptr<dnnl_memory, Destroy>;
using Primitive = std::unique_ptr<dnnl_primitive, Destroy>;
using PrimitiveDesc = std::unique_ptr<dnnl_primitive_desc, Destroy>;
using PrimitiveAttr = std::unique_ptr<dnnl_primitive_attr, Destroy>;

/// The primitive of a description, the name of what implements it and its scratch memory; null
/// where the library has only its reference.
Primitive make_primitive(const PrimitiveDesc& pd, std::string& name, dnnl_memory_desc_t& scratch);
/// A memory object without memory: `set` gives it some, from `offset` bytes on, before each run.
Memory make_memory(const dnnl_memory_desc_t& desc);
void set(const Memory& m, const void* base, size_t offset);
/// Attributes with which scratch memory is the caller's: the library's own is shared between
/// threads, silently. `adds`: the result is added to what is there.
PrimitiveAttr user_scratchpad(bool adds = false);

}  // namespace latent::kernels::onednn
