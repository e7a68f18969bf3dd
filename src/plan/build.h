// From lowered programs to stages of bound calls: schedule, memory and bind. A stage's calls do not
// depend on each other; a stage begins when all parts of the one before are done. Calls name their
// operands by index in the plan's table of pointers, so that feeds can be exchanged and an arena
// shared.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/call.h"
#include "latent/plan.h"
#include "passes/pass.h"

namespace latent::plan {

struct Entry {
  kernels::Call call;
  std::vector<int> operands;  // pointers, results first
  int scratch = -1;           // pointer, or -1
  Where where;
  /// Entries with as many parts that follow within each part: part p of them reads nothing that
  /// another part of this entry or of theirs writes, so a piece of a batch goes through all of them
  /// while it is in cache, without a barrier.
  std::vector<Entry> then = {};
  /// A value that these calls alone make and read, piece by piece: a piece lies in the memory of
  /// the thread that runs the part, at `offset`.
  struct Local {
    int pointer;
    size_t offset, bytes;  // bytes: of a piece
  };
  std::vector<Local> locals = {};
};
constexpr int kThreadMemory = 0;  // the pointer to a thread's own memory
struct Loop;
struct Stage {
  std::vector<Entry> entries;
  std::unique_ptr<Loop> loop;  // instead of entries
  /// Of each thread of a team: the parts that are its own, as entry and part, and their number. A
  /// stage of one part is not dealt and counts as thread 0's.
  std::vector<std::vector<std::pair<int, int>>> dealt;
  std::vector<int> counts;
};
struct Loop {
  /// `pointer` is slice (iteration mod count) of what lies at `base`.
  struct Slide {
    int pointer, base;
    size_t bytes;
    int64_t count;
  };
  /// `pointer` is where `first` is, and from the second iteration on where `next` was in the last.
  struct Carry {
    int pointer, first, next;
  };
  int64_t length = 0;
  bool reverse = false;
  std::vector<Stage> stages;
  std::vector<Slide> slides;
  std::vector<Carry> carries;

  /// Moves the pointers for turn `i`, from 0, and gives its iteration.
  int64_t turn(int64_t i, void** pointers) const {
    const int64_t iteration = reverse ? length - 1 - i : i;
    for (const Carry& c : carries) pointers[c.pointer] = pointers[i ? c.next : c.first];
    for (const Slide& s : slides) {
      pointers[s.pointer] = static_cast<std::byte*>(pointers[s.base]) +
                            static_cast<size_t>(iteration % s.count) * s.bytes;
    }
    return iteration;
  }
};

/// Runs parts [from, to) of a call.
inline void run_call(const Entry& e, int from, int to, void* const* pointers,
                     const kernels::RunState& state) {
  void* operands[64];
  for (size_t k = 0; k < e.operands.size(); ++k) operands[k] = pointers[e.operands[k]];
  auto* scratch = e.scratch >= 0 ? static_cast<std::byte*>(pointers[e.scratch]) : nullptr;
  for (int part = from; part < to; ++part) e.call.run(part, operands, scratch, state);
}
/// Moves the pointers of an entry's local values so that piece `part` of each lies in this thread's
/// memory. Where the other pieces would lie is nobody's: hence integers.
// NOLINTBEGIN(performance-no-int-to-ptr)
inline void bring_locals(const Entry& e, int part, void** pointers) {
  const auto own = reinterpret_cast<uintptr_t>(pointers[kThreadMemory]);
  for (const Entry::Local& l : e.locals)
    pointers[l.pointer] =
        reinterpret_cast<void*>(own + l.offset - static_cast<size_t>(part) * l.bytes);
}
// NOLINTEND(performance-no-int-to-ptr)
/// Calls run(entry, from, to) so that parts [from, to) of an entry and of those that follow run.
template <class Run>
void for_parts(const Entry& e, int from, int to, void** pointers, const Run& run) {
  if (e.then.empty()) return run(e, from, to);
  for (int part = from; part < to; ++part) {
    bring_locals(e, part, pointers);
    run(e, part, part + 1);
    for (const Entry& next : e.then) run(next, part, part + 1);
  }
}
/// Calls visit(entry) for the entries of a stage, those that follow others behind them.
template <class Visit>
void for_each_call(const Stage& stage, const Visit& visit) {
  for (const Entry& e : stage.entries) {
    visit(e);
    for (const Entry& next : e.then) visit(next);
  }
}
/// Calls visit(stage, times) for stages and, behind each loop, for its own; `times` is how often
/// one runs.
template <class Visit>
void for_each_stage(const std::vector<Stage>& stages, const Visit& visit, int64_t times = 1) {
  for (const Stage& s : stages) {
    visit(s, times);
    if (s.loop) for_each_stage(s.loop->stages, visit, times * s.loop->length);
  }
}

/// A pointer that lies in the arena.
struct Placement {
  int pointer;
  size_t offset;
};
/// What planning makes of a program, or of the body of a scan.
struct Planned {
  ir::Program program;  // what the stages compute
  std::vector<passes::PassReport> reports;
  std::vector<Stage> stages;
  std::vector<int> pointer_of;  // of each node's memory; -1: none; a view has its root's
  std::vector<int> fetched;     // where each fetch finds its value
  std::vector<Placement> placements;
  size_t arena_bytes = 0, live_bytes = 0;  // what threads share
};
struct Built : Planned {
  std::vector<Stage> once;  // before the first run: CompileOptions::fixed_slots
  size_t local_bytes = 0, local_live_bytes = 0;  // what each thread has of its own
  std::vector<std::pair<int, float>> constants;  // pointer and value
  int pointers = kThreadMemory + 1;
  /// Of the arena when so many threads run the plan.
  size_t bytes(int threads) const {
    return arena_bytes + static_cast<size_t>(threads) * local_bytes;
  }
};

/// Plans a top-level program. Slots and feeds get pointers that the caller fills.
Built build(const ir::Program& program, const CompileOptions& options);

}  // namespace latent::plan
