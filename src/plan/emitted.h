// Between two halves of planning: what emit.cc has made of a level's units, from which place.cc
// gives every value its memory. See level.h.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "passes/memory.h"
#include "plan/build.h"

namespace latent::plan {

/// Where a call stands: an entry, or the then-th that follows it. Without one: no stage.
struct Home {
  size_t stage = ~size_t{0}, entry = 0, then = 0;
  bool with(const Home& other) const { return stage == other.stage && entry == other.entry; }
};

struct Emitted {
  std::vector<Stage> stages;
  // Of each unit: its stages, -1 where it has none; whether it runs once; where its main call is.
  std::vector<int> first_stage, last_stage;
  std::vector<bool> fixed;
  std::vector<Home> at;
  std::map<int, Home> homes;  // of pointers that are written in equal pieces: the entry
  std::vector<std::pair<int, passes::Buffer>> buffers;         // pointers of scratch and of copies
  std::vector<std::pair<int, std::vector<Placement>>> blocks;  // of loops, each within a buffer
  struct Chain {
    size_t unit;
    int parts;  // asked for
    std::vector<Home> places;
  };
  std::vector<Chain> chains;  // to be bound again when it is known what shares memory
};

}  // namespace latent::plan
