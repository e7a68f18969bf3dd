// A Program as text and back: what golden tests hold and `explain` prints. A line a node:
//   %3 = sum(%1) {first=1, count=1} : f32[32]
// then `assign NAME = %7` and `fetch NAME = %9`; a scan's body follows in braces.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "ir/program.h"

namespace latent::ir {

std::string print(const Program& program);
/// Throws UsageError naming the line of the text. Slots get zeros as initial values, schedules
/// become plain feeds.
std::unique_ptr<Graph> parse(std::string_view text);

}  // namespace latent::ir
