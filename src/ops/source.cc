// Values that come from outside the graph: feeds, slots, constants, the place in a scan.
#include "ops/family.h"

namespace latent::ops {

namespace {
ir::TypeRule declared() {
  return [](const TypeContext& c) -> ResultType {
    return {shape_of(c.attrs.ints("shape")), dtype_named(c.attrs.word("dtype"))};
  };
}
std::function<std::vector<Expr>(const Back&)> no_operands() {
  return [](const Back&) { return std::vector<Expr>{}; };
}
}  // namespace

void add_source_ops(std::vector<Op>& table) {
  const std::vector<ir::AttrSpec> named = {
      {"name", ir::AttrKind::word}, {"shape", ir::AttrKind::ints}, {"dtype", ir::AttrKind::word}};
  const auto add = [&](const char* name, const char* doc) {
    table.push_back({.name = name,
                     .doc = doc,
                     .in = {},
                     .attrs = named,
                     .kind = Kind::source,
                     .type = declared(),
                     .grad = {no_operands(), {}},
                     .kernel = ir::PlannedKernel{},
                     .reference = ir::NoReference{},
                     .domain = {}});
  };
  add("feed", "A value given before each run.");
  add("slot", "Persistent state; reads see the value at the start of the run.");
  table.push_back({.name = "constant",
                   .doc = "A float32 scalar known when the graph is made.",
                   .in = {},
                   .attrs = {{"value", ir::AttrKind::real}},
                   .kind = Kind::source,
                   .type = [](const TypeContext&) -> ResultType {
                     return {Shape{}, DType::f32};
                   },
                   .grad = {no_operands(), {}},
                   .kernel = ir::PlannedKernel{},
                   .reference = ir::NoReference{},
                   .domain = {}});
  table.push_back({.name = "loop_index",
                   .doc = "The number of the iteration of the innermost scan, from 0; i32.",
                   .in = {},
                   .attrs = {},
                   .kind = Kind::varying,
                   .type = [](const TypeContext&) -> ResultType {
                     return {Shape{}, DType::i32};
                   },
                   .grad = ir::none("an index"),
                   .kernel = ir::BindFn([](const ir::BindContext&) {
                     kernels::Call c;
                     c.kernel = "loop_index";
                     c.run = [](int, void* const* p, std::byte*, const kernels::RunState& s) {
                       *static_cast<int32_t*>(p[0]) = static_cast<int32_t>(s.iteration);
                     };
                     return std::vector<kernels::Call>{c};
                   }),
                   .reference = ir::TensorReference([](const RefCall& c) {
                     c.out.v[0] = static_cast<double>(c.state.iteration);
                   }),
                   .domain = {.cases = {Case{}}}});
}

}  // namespace latent::ops
