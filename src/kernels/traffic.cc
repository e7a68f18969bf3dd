// Bytes that chains move; see traffic.h.
#include "kernels/traffic.h"

namespace latent::kernels {

namespace {
size_t bytes(int64_t elements, Element e) {
  const size_t size = e == Element::u8 ? 1 : e == Element::bf16 ? 2 : 4;
  return static_cast<size_t>(elements) * size;
}
}  // namespace

Traffic traffic_of(const FusedProgram& p) {
  Traffic t;
  for (const FusedOutput& o : p.outputs) {
    const int64_t elements = o.end == End::store        ? p.rows * p.cols
                             : o.end == End::column_sum ? p.cols
                                                        : p.rows;
    t.written.push_back(bytes(elements, o.element));
  }
  for (const FusedInput& i : p.inputs) {
    const int64_t elements = i.access == Access::full     ? p.rows * p.cols
                             : i.access == Access::row    ? p.cols
                             : i.access == Access::column ? p.rows
                                                          : 1;
    t.read.push_back(bytes(elements, i.element));
  }
  return t;
}

}  // namespace latent::kernels
