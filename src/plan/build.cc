// The last step before running: schedule, memory and bind; see build.h.
#include "plan/build.h"

#include "plan/level.h"

namespace latent::plan {

Built build(const ir::Program& program, const CompileOptions& options) {
  Built built;
  Level level(built, options);
  level.run(program, {});
  built.stages = level.emit(built.placements, built.arena_bytes, built.live_bytes);
  built.pointer_of = level.pointers();
  built.program = level.program();
  built.reports = std::move(level.reports());
  return built;
}

}  // namespace latent::plan
