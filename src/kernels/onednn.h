// What the files that call oneDNN share: its engine, a stream for each thread, errors, handles.
#pragma once

#include <dnnl.h>

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

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

/// Attributes with which scratch memory is the caller's: the library's own is shared between
/// threads, silently. `adds`: the result is added to what is there.
PrimitiveAttr user_scratchpad(bool adds = false);

/// A primitive; jobs with equal operands share it.
struct Kernel {
  Primitive primitive;
  std::string name;  // of what implements it
  dnnl_memory_desc_t scratch;
  size_t scratch_bytes = 0;
};
/// Null where the library has nothing for the description, or only its reference.
std::shared_ptr<const Kernel> make_kernel(const PrimitiveDesc& pd);

/// A kernel with memory objects for its operands, to be used by one thread at a time.
class Job {
 public:
  struct Operand {
    int argument;
    dnnl_memory_desc_t desc;
    size_t offset;  // bytes
  };
  Job(std::shared_ptr<const Kernel> kernel, const std::vector<Operand>& operands,
      size_t scratch_offset);
  /// Runs it; the operands in order and the scratch memory stand their offsets after `bases`.
  void run(std::initializer_list<const void*> bases) const;
  const Kernel& kernel() const { return *kernel_; }

 private:
  void add(const Operand& operand);

  std::shared_ptr<const Kernel> kernel_;
  std::vector<Memory> memory_;
  std::vector<dnnl_exec_arg_t> arguments_;
  std::vector<size_t> offsets_;
};

}  // namespace latent::kernels::onednn
