// What training would do, before any of it: the planned step and the forecast that train() gives
// first.
#pragma once

#include "train/loop.h"

namespace latent {

class Preview {
 public:
  /// Checks and plans as train() does; writes nothing. The arguments must outlive it.
  Preview(const Architecture& architecture, const Data& data, const TrainOptions& options);

  /// Times a few steps, whose effect is undone.
  Forecast forecast() { return loop_.forecast(); }
  /// The training step of a full batch.
  Plan& step() { return loop_.training_plan(); }

 private:
  Preprocessing preprocessing_;
  Loop loop_;
};

}  // namespace latent
