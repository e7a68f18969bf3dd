// For the tests of this folder: runs a check once for every instruction set that this CPU has.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>

#include "hwy/targets.h"

namespace latent::kernels {

/// Calls `check()` with the dispatch of all kernels set to each target in turn, best first;
/// failures name the target.
template <class Check>
void for_each_target(Check&& check) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(target);
    check();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace latent::kernels
