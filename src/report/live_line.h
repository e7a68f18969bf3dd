// The line that a terminal shows while a model trains: pure text of a given width. Who rewrites it,
// and when, is the program's matter.
#pragma once

#include <cstdint>
#include <string>

#include "latent/train.h"

namespace latent {

/// Where a run stands. Rates are over the steps of this process, so that a resumed run does not
/// count what others did.
struct Progress {
  int64_t epoch = 0, epochs = 0;  // of the one that is running, from 1; in all
  int64_t step = 0, steps = 0;    // updates done; in all
  double rows_per_second = 0;     // 0: not known yet
  double seconds_left = -1;       // negative: not known yet
  Parts parts;                    // of the last epoch or of this one so far, "loss" first
  double held_out = 0;            // the loss on held-out rows
  bool validated = false;         // whether held_out is known
};

/// One line of at most `width` characters (ASCII, at least 20 are taken), without an end. What does
/// not fit is left out, the least important first: rows a second, parts, the bar, the held-out
/// loss. `colour` adds escape codes, which take no columns.
std::string live_line(const Progress& p, int width, bool colour);

}  // namespace latent
