// What the files that call oneDNN share: its engine, errors, and jobs that run on the calling
// thread.
#pragma once

#include <initializer_list>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <vector>

#include "latent/error.h"

namespace latent::kernels::onednn {

using Desc = dnnl::memory::desc;

/// f(), where what oneDNN throws is an InternalError.
template <class F>
auto checked(const F& f) {
  try {
    return f();
  } catch (const dnnl::error& e) {
    throw InternalError(std::string("oneDNN: ") + e.what() + ", status " +
                        std::to_string(e.status));
  }
}

/// The CPU; lives as long as the process, since plans may be destroyed at its end.
const dnnl::engine& engine();

/// Attributes with which scratch memory is the caller's: the library's own is shared between
/// threads, silently. `adds`: the result is added to what is there.
dnnl::primitive_attr user_scratchpad(bool adds = false);

/// A primitive, which several jobs may share; none where the library has nothing for the
/// description or only its reference.
struct Kernel {
  explicit Kernel(const dnnl::primitive_desc_base& pd);

  dnnl::primitive primitive;
  std::string name;  // of what implements it
  Desc scratch;
};

/// A kernel with memory objects for its operands, to be used by one thread at a time.
class Job {
 public:
  struct Operand {
    int argument;
    Desc desc;
    size_t offset;  // bytes
  };
  Job(const Kernel& kernel, std::vector<Operand> operands, size_t scratch_offset);
  /// Runs it; the operands in order and the scratch memory stand their offsets after `bases`.
  void run(std::initializer_list<const void*> bases) const;
  const Kernel& kernel() const { return kernel_; }

 private:
  Kernel kernel_;
  std::vector<dnnl::memory> memory_;
  std::vector<dnnl_exec_arg_t> arguments_;
  std::vector<size_t> offsets_;
};

}  // namespace latent::kernels::onednn
