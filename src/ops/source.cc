// Values that come from outside the graph: feeds, slots, constants, the place in a scan.
#include "ops/family.h"

namespace latent::ops {

void add_source_ops(std::vector<Op>& table) {
  const auto source = [&](const char* name, const char* doc, std::vector<ir::AttrSpec> attrs,
                          ir::TypeRule type) {
    table.push_back({.name = name,
                     .doc = doc,
                     .in = {},
                     .attrs = std::move(attrs),
                     .kind = Kind::source,
                     .type = std::move(type),
                     .grad = flat,
                     .kernel = ir::PlannedKernel{},
                     .reference = ir::NoReference{},
                     .domain = {}});
  };
  const std::vector<ir::AttrSpec> named = {
      {"name", AttrKind::word}, {"shape", AttrKind::ints}, {"dtype", AttrKind::word}};
  source("feed", "A value given before each run.", named, declared_type);
  source("slot", "Persistent state; reads see the value at the start of the run.", named,
         declared_type);
  source("constant", "A float32 scalar known when the graph is made.", {{"value", AttrKind::real}},
         [](const TypeContext&) -> ResultType {
           return {Shape{}, DType::f32};
         });
  table.push_back(
      {.name = "loop_index",
       .doc = "The number of the iteration of the innermost scan, from 0; i32.",
       .in = {},
       .attrs = {},
       .kind = Kind::varying,
       .type = [](const TypeContext&) -> ResultType {
         return {Shape{}, DType::i32};
       },
       .grad = ir::NoGradient{"an index"},
       .kernel = ir::BindFn([](const ir::BindContext&) {
         kernels::Call c{.kernel = "loop_index"};
         c.run = [](int, void* const* p, std::byte*, const kernels::RunState& s) {
           *static_cast<int32_t*>(p[0]) = static_cast<int32_t>(s.iteration);
         };
         return std::vector{c};
       }),
       .reference = [](const RefCall& c) { c.out.v[0] = static_cast<double>(c.state.iteration); },
       .domain = {.cases = {Case{}}}});
}

}  // namespace latent::ops
